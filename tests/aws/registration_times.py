"""When task definitions were registered, which moto does not tell."""

import json

from tests.aws.account import now
from tests.aws.requests import Answer


class RegistrationTimes:
    def __init__(self) -> None:
        self._times: dict[str, float] = {}

    def completed(self, answer: Answer) -> Answer:
        """An answer of moto's with a task definition in it, with its time."""
        if answer.status != 200:
            return answer
        document = json.loads(answer.body)
        definition = document["taskDefinition"]
        definition["registeredAt"] = self._times.setdefault(definition["taskDefinitionArn"], now())
        return Answer(answer.status, json.dumps(document).encode(), answer.headers)
