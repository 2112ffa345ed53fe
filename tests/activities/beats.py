"""An activity's heartbeats, counted, of which Temporal expects one each 0.08 s."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.heartbeat import keep_heartbeating

INTERVAL = 0.02
WITHIN = timedelta(seconds=0.2)


class Beats(ActivityEnvironment):
    """Counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.info = replace(self.info, heartbeat_timeout=timedelta(seconds=4 * INTERVAL))
        self.count = 0
        self.on_heartbeat = self._beat

    def _beat(self, *_: object) -> None:
        self.count += 1


async def run(beats: Beats, body: Callable[[], Awaitable[None]], within: timedelta = WITHIN) -> None:
    async def activity() -> None:
        async with keep_heartbeating(within):
            await body()

    await beats.run(activity)
