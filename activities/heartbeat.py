"""Tells Temporal that the process that runs an activity is alive."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity


@asynccontextmanager
async def heartbeating() -> AsyncIterator[None]:
    """Beat while the body runs, which is all of the activity: four times per heartbeat timeout.

    Cancellation never rides on heartbeats here.
    """
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        raise RuntimeError("an activity without a heartbeat timeout cannot tell that its process died")
    beating = asyncio.create_task(_beat(timeout.total_seconds() / 4))
    try:
        yield
    finally:
        beating.cancel()


async def _beat(interval: float) -> None:
    while True:
        await asyncio.sleep(interval)  # first: the timeout counts from the activity's start
        activity.heartbeat()
