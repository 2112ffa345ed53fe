"""Task state changes as EventBridge sends them to the account's queue."""

import asyncio
import json
import uuid
from datetime import UTC, datetime

from tests.aws.account import Account
from tests.aws.tasks import Task
from tests.aws.wire import Document, Settings


class TaskEvents:
    """What rules let through, at least once, in any order, and not always: as the settings say."""

    def __init__(self, account: Account, settings: Settings, *, has_queue: bool) -> None:
        self._account = account
        self._settings = settings
        self._has_queue = has_queue

    def send(self, task: Task) -> None:
        if not self._has_queue:
            return
        event = _event(task, self._account.region)
        if not self._settings.sends_every_state and not self._account.lets_through(event):
            return
        body = json.dumps(event)
        if self._settings.event_delay_seconds > 0:
            asyncio.get_running_loop().call_later(self._settings.event_delay_seconds, self._deliver, body)
        else:
            self._deliver(body)

    def _deliver(self, body: str) -> None:
        for _ in range(self._settings.event_copies):
            self._account.send_event(body)


def _event(task: Task, region: str) -> Document:
    detail = task.describe(with_tags=False)
    del detail["tags"]  # events carry none
    # The API gives times as numbers, events as text.
    detail = {name: _text(value) if name.endswith("At") else value for name, value in detail.items()}
    detail["updatedAt"] = _text(datetime.now(UTC).timestamp())
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": task.arn.split(":")[4],
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [task.arn],
        "detail": detail,
    }


def _text(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
