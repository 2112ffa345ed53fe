"""The awslogs driver of one container: its lines go to CloudWatch in batches."""

import asyncio

from tests.aws.account import Account, now
from tests.aws.containers import CannotStart
from tests.aws.errors import AwsError
from tests.aws.tasks import Task
from tests.aws.wire import Document, Settings


class LogDriver:
    """Without a log configuration the lines are dropped, as they would be for whoever reads CloudWatch alone."""

    def __init__(self, task: Task, container: Document, *, account: Account, settings: Settings) -> None:
        configuration = container.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        self._group: str | None = options.get("awslogs-group") if configuration.get("logDriver") == "awslogs" else None
        self._stream = f"{options.get('awslogs-stream-prefix')}/{container['name']}/{task.id}"
        self._account = account
        self._settings = settings
        self._lines: list[tuple[float, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_held_back = False

    def open(self) -> None:
        """Raises CannotStart if the log group does not exist."""
        if self._group is None:
            return
        try:
            self._account.create_log_stream(self._group, self._stream)
        except AwsError as error:
            raise CannotStart(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
                f"failed to create Cloudwatch log stream: {error} : exit status 1"
            ) from error

    def add(self, line: str) -> None:
        if not line:  # CloudWatch takes no empty events; the driver drops them
            return
        self._lines.append((now(), line))
        if self._timer is None and not self._is_held_back:
            self._timer = asyncio.get_running_loop().call_later(self._settings.log_interval_seconds, self.ship)

    def hold_back(self) -> None:
        """Nothing more is shipped until `ship`."""
        self._is_held_back = True
        if self._timer is not None:
            self._timer.cancel()

    def ship(self) -> None:
        """All lines that came since the last time."""
        self._timer = None
        if self._group is not None and self._lines:
            lines, self._lines = self._lines, []
            self._account.put_log_events(self._group, self._stream, lines)
