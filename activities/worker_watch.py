"""Waits for a container's end, and sees to it that one which must end does."""

import asyncio
import contextlib
from datetime import timedelta
from functools import partial

import structlog

from catalog.database import Database
from catalog.launches import LaunchRepository
from catalog.notifications import EXECUTIONS_CHANNEL, WORKERS_CHANNEL, NotificationListener
from domain.errors import Misconfigured, Unavailable
from domain.workers import Worker, WorkerExit
from liveness.background import in_background
from liveness.progress import note_progress
from provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

# As a rule a container is gone within this after its report, and the catalog need not be asked.
_USUAL_EXIT = timedelta(seconds=1)
# What was told to stop is killed after its grace period, and as a rule gone within this after that.
USUAL_STOP = timedelta(seconds=30)
# Waiting for a container is no standstill, however long it takes.
_STEP = timedelta(minutes=1)
# A notification may be lost, however unlikely: then what it was about is seen this much later.
_LONGEST_UNASKED = timedelta(minutes=5)
# Longer than any provisioner tries.
_CALL_LIMIT = timedelta(minutes=2)


class WorkerWatch:
    """Watches workers. The catalog is asked once for each, and again when there is news of it, or none for long."""

    def __init__(
        self,
        *,
        database: Database,
        provisioner: Provisioner,
        listener: NotificationListener,
        grace: timedelta,
        usual_stop: timedelta = USUAL_STOP,
        longest_unasked: timedelta = _LONGEST_UNASKED,
        call_limit: timedelta = _CALL_LIMIT,
    ) -> None:
        """`grace`: how long a container may go on after its outcome, and after it was told to stop. Once it should be
        gone and is not, it is told again, after `usual_stop` each time. `longest_unasked`: until the catalog is asked
        though nothing was notified. `call_limit`: for the provisioner to be told."""
        self._database = database
        self._provisioner = provisioner
        self._listener = listener
        self._grace = grace
        self._longest_stop = grace + usual_stop
        self._longest_unasked = longest_unasked
        self._call_limit = call_limit

    async def ended(self, worker: Worker) -> WorkerExit:
        """Why the worker is gone. Cancelling the wait leaves the worker alone."""
        watching = asyncio.create_task(self._provisioner.stopped(worker))
        try:
            async with in_background("seeing off a worker", partial(self._see_off, worker)):
                while not watching.done():
                    await asyncio.wait((watching,), timeout=_STEP.total_seconds())
                    note_progress()
                return watching.result()
        finally:
            watching.cancel()

    async def _see_off(self, worker: Worker) -> None:
        """Whenever there is news of the worker, look at it soon; stop it, and stop it again, if it stays too long."""
        topics = ((EXECUTIONS_CHANNEL, worker.name.execution_id), (WORKERS_CHANNEL, worker.details.identifier))
        stop_at: float | None = None
        async with self._listener.subscribe(*topics) as notified:
            notified.set()  # the worker may have reported before anybody listened
            while True:
                look_at = _after(self._longest_unasked)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(look_at if stop_at is None else min(look_at, stop_at)):
                        await notified.wait()
                try:
                    if notified.is_set() or stop_at is None or _after(timedelta()) < stop_at:
                        notified.clear()
                        self._provisioner.look_soon(worker)
                        await asyncio.sleep(_USUAL_EXIT.total_seconds())
                        stop_at = stop_at or await self._latest_end(worker)
                    else:
                        logger.warning("worker_lingers", worker=str(worker.name))
                        async with asyncio.timeout(self._call_limit.total_seconds()):
                            await self._provisioner.stop(worker)
                        stop_at = _after(self._longest_stop)
                except (Unavailable, Misconfigured, TimeoutError) as error:
                    logger.warning("worker_may_linger", worker=str(worker.name), reason=str(error) or "no answer")
                    notified.set()

    async def _latest_end(self, worker: Worker) -> float | None:
        """When to stop the worker, perhaps once more. A notification is a hint: the listener wakes everyone when it is
        back after a fault."""
        async with self._database.statement() as connection:
            state = await LaunchRepository(connection).state(worker.name.execution_id)
        if state.must_stop:
            return _after(self._longest_stop)
        return _after(self._grace) if state.has_reported else None


def _after(time: timedelta) -> float:
    return asyncio.get_running_loop().time() + time.total_seconds()
