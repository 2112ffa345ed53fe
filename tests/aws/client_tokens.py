"""RunTask's idempotency: what was asked for and answered under each client token, per cluster."""

import json
from dataclasses import dataclass

from tests.aws.account import now
from tests.aws.errors import AwsError
from tests.aws.tasks import Task
from tests.aws.wire import Document, Settings


@dataclass(frozen=True, slots=True)
class _Entry:
    request: str
    created_at: float
    tasks: list[Task]
    failures: list[Document]


class ClientTokens:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._entries: dict[tuple[str, str], _Entry] = {}

    def replay(self, cluster_arn: str, token: str, request: Document) -> Document | None:
        """The answer to the first request under the token; None if this is the first.

        Raises AwsError ConflictException if the first one asked for something else.
        """
        entry = self._entries.get((cluster_arn, token))
        if entry is None or self._is_forgotten(entry):
            return None
        if entry.request != _canonical(request):
            raise AwsError(
                "ConflictException",
                "The clientToken is already in use with a different RunTask request.",
                fields={"resourceIds": [task.arn for task in entry.tasks]},
            )
        return {"tasks": [_replayed(task) for task in entry.tasks], "failures": entry.failures}

    def note(
        self, cluster_arn: str, token: str, request: Document, *, tasks: list[Task], failures: list[Document]
    ) -> None:
        self._entries[cluster_arn, token] = _Entry(_canonical(request), now(), tasks, failures)

    def _is_forgotten(self, entry: _Entry) -> bool:
        age = now() - entry.created_at
        if age > self._settings.token_seconds:
            return True
        ends = [task.stopped_at for task in entry.tasks]
        if any(end is None for end in ends):
            return False
        last_end = max((end for end in ends if end is not None), default=entry.created_at)
        return now() - last_end > self._settings.token_seconds_after_end


def _canonical(request: Document) -> str:
    return json.dumps({name: value for name, value in request.items() if name != "clientToken"}, sort_keys=True)


def _replayed(task: Task) -> Document:
    """Of a stopped task the API answers no more than this."""
    if task.is_stopped:
        return {"taskArn": task.arn, "lastStatus": task.last_status, "desiredStatus": task.desired_status}
    return task.describe(with_tags=True)
