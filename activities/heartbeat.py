"""Sends heartbeats of an activity for as long as it makes progress."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from temporalio import activity

from control_plane_server.domain.errors import Unavailable
from control_plane_server.liveness.failures import report_failure
from control_plane_server.liveness.progress import Progress, watched_progress
from workflows import policies

logger = structlog.get_logger(__name__)

# Longer than any step, as a wait behind hundreds of calls to AWS, or a statement on all rows of a project.
_PROGRESS_WITHIN = timedelta(minutes=12)


@asynccontextmanager
async def keep_heartbeating(progress_within: timedelta = _PROGRESS_WITHIN) -> AsyncIterator[None]:
    """Send heartbeats while the body, which is all of the activity, makes progress: four per heartbeat timeout.

    Steps are noted by `liveness.progress.note_progress`, as every use of the catalog does. A body that notes none for
    `progress_within` hangs: it is cancelled, and Unavailable is raised. If it hangs even then, heartbeats stop, and
    Temporal has another process try again. No activity is cancelled by way of its heartbeats.
    """
    # None: scheduled by an earlier release, in which this activity sent no heartbeats.
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
