"""The order and the length of ListTaskDefinitions' answers, of which moto takes no notice."""

import json

from tests.aws.requests import Answer
from tests.aws.wire import Document


def in_order(answer: Answer, request: Document) -> Answer:
    """The first page of what moto lists: by family, then by revision. There is no second page."""
    if answer.status != 200:
        return answer
    document = json.loads(answer.body)
    arns = sorted(document["taskDefinitionArns"], key=_family_and_revision, reverse=request.get("sort") == "DESC")
    document["taskDefinitionArns"] = arns[: request.get("maxResults", 100)]
    return Answer(answer.status, json.dumps(document).encode(), answer.headers)


def _family_and_revision(arn: str) -> tuple[str, int]:
    family, _, revision = arn.rpartition(":")
    return family, int(revision)
