"""What was asked of AWS."""

from collections import Counter

from tests.aws.wire import Call, Document

_SHOWN = (
    *("cluster", "clientToken", "startedBy", "taskDefinition", "family", "task", "tasks", "reason", "desiredStatus"),
    *("capacityProviderStrategy", "launchType", "count", "nextToken", "include"),
    *("logGroupName", "logStreamName", "startTime", "limit", "repositoryNames", "registryIds", "QueueUrl"),
    *("WaitTimeSeconds", "MaxNumberOfMessages", "Entries"),
)


class CallLog:
    """Oldest first. A call is noted when it ends."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def note(self, call: Call) -> None:
        self.calls.append(call)

    def of(self, action: str | None) -> list[Call]:
        return [call for call in self.calls if action is None or call.action == action]

    def counts(self) -> dict[str, int]:
        return dict(Counter(call.action for call in self.calls))


def shown(request: Document) -> dict[str, str | int]:
    """What matters of a request: texts and numbers as they are, of lists how long they are. No environments."""
    return {
        name: len(value) if isinstance(value, list) else value
        for name in _SHOWN
        if isinstance(value := request.get(name), str | int | list)
    }
