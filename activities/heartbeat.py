"""Tells Temporal that an activity gets on, for as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from temporalio import activity

from domain.errors import Unavailable
from liveness.failures import report_failure
from liveness.progress import Progress, watched_progress
from workflows import policies

logger = structlog.get_logger(__name__)

# Longer than any step: a turn among hundreds with AWS, a statement on all rows of a project.
_PROGRESS_WITHIN = timedelta(minutes=12)


@asynccontextmanager
async def keep_heartbeating(progress_within: timedelta = _PROGRESS_WITHIN) -> AsyncIterator[None]:
    """Beat while the body, which is all of the activity, gets on: four times per heartbeat timeout.

    Steps are noted by `liveness.progress.note_progress`, as every use of the catalog does. A body that notes none for
    so long hangs: it is cancelled, and raises Unavailable. If it hangs even then nothing beats any more, so Temporal
    has another process try again. Cancellation never rides on heartbeats here.
    """
    # None: asked for by a release before, that did not expect this activity to beat.
    timeout = activity.info().heartbeat_timeout or policies.HEARTBEAT_TIMEOUT
    with watched_progress() as progress:
        try:
            async with asyncio.timeout(None) as patience:
                interval = timeout.total_seconds() / 4
                beating = asyncio.create_task(_beat(interval, progress, progress_within, patience))
                try:
                    yield
                finally:
                    beating.cancel()
        except TimeoutError as error:
            if not patience.expired():
                raise
            raise Unavailable(f"Nothing has got on for {progress_within}") from error


async def _beat(interval: float, progress: Progress, progress_within: timedelta, patience: asyncio.Timeout) -> None:
    while True:
        await asyncio.sleep(interval)  # first: the timeout counts from the activity's start
        if progress.age >= progress_within:
            break
        try:
            activity.heartbeat()
        except Exception as error:
            report_failure("heartbeat", error)
    logger.error("activity_hangs", activity_type=activity.info().activity_type)
    patience.reschedule(asyncio.get_running_loop().time())
