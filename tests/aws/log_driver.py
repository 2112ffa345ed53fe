"""The awslogs driver of one container: its lines go to CloudWatch in batches."""

import asyncio

from tests.aws.account import Account, now
from tests.aws.containers import CannotStart
from tests.aws.errors import AwsError
from tests.aws.tasks import Task
from tests.aws.wire import Settings


class LogDriver:
    """Without a log configuration the lines are dropped, as they would be for whoever reads CloudWatch alone."""

    def __init__(self, task: Task, *, account: Account, settings: Settings) -> None:
        configuration = task.definition.container.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        self._group: str | None = options.get("awslogs-group") if configuration.get("logDriver") == "awslogs" else None
        self._stream = f"{options.get('awslogs-stream-prefix')}/{task.definition.container['name']}/{task.id}"
        self._account = account
        self._settings = settings
        self._lines: list[tuple[float, str]] = []
        self._shipping: asyncio.Task[None] | None = None

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
        self._shipping = asyncio.create_task(self._ship_regularly())

    def add(self, line: str) -> None:
        if line:  # CloudWatch takes no empty events; the driver drops them
            self._lines.append((now(), line))

    def hold_back(self) -> None:
        """Nothing more is shipped until `close`."""
        if self._shipping is not None:
            self._shipping.cancel()

    def close(self) -> None:
        """Ship the tail."""
        if self._group is not None and self._lines:
            lines, self._lines = self._lines, []
            self._account.put_log_events(self._group, self._stream, lines)

    async def _ship_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._settings.log_interval_seconds)
            self.close()
