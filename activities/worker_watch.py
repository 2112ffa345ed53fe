"""Waits for a container's end, and sees to it that one which has reported its outcome does end."""

import asyncio
from datetime import timedelta

import structlog

from catalog.database import Database
from catalog.launches import LaunchRepository
from catalog.notifications import EXECUTIONS_CHANNEL, NotificationListener
from domain.errors import Unavailable
from domain.workers import Worker, WorkerExit
from provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

# As a rule a container is gone within this after its report, and the catalog need not be asked.
_USUAL_EXIT = timedelta(seconds=1)


class WorkerWatch:
    """Watches workers. The catalog is asked once for each, and again when the API notifies an outcome."""

    def __init__(
        self,
        *,
        database: Database,
        provisioner: Provisioner,
        listener: NotificationListener,
        grace: timedelta,
    ) -> None:
        """`grace`: how long a container may go on after its outcome."""
        self._database = database
        self._provisioner = provisioner
        self._listener = listener
        self._grace = grace

    async def ended(self, worker: Worker) -> WorkerExit:
        """Why the worker is gone. Cancelling the wait leaves the worker alone."""
        watching = asyncio.create_task(self._provisioner.stopped(worker))
        lingering = asyncio.create_task(self._stop_if_it_lingers(worker))
        try:
            return await watching
        finally:
            watching.cancel()
            lingering.cancel()

    async def _stop_if_it_lingers(self, worker: Worker) -> None:
        execution_id = worker.name.execution_id
        async with self._listener.subscribe(EXECUTIONS_CHANNEL, execution_id) as notified:
            notified.set()  # the worker may have reported before anybody listened
            while True:
                await notified.wait()
                notified.clear()
                await asyncio.sleep(_USUAL_EXIT.total_seconds())
                try:
                    if await self._has_outcome(worker):
                        await asyncio.sleep(self._grace.total_seconds())
                        logger.info("worker_lingers", execution_id=execution_id)
                        await self._provisioner.stop(worker)
                        return
                except Unavailable as error:
                    logger.warning("worker_may_linger", execution_id=execution_id, reason=str(error))
                    notified.set()

    async def _has_outcome(self, worker: Worker) -> bool:
        """A notification is a hint: the listener wakes everyone when it is back after a fault."""
        async with self._database.statement() as session:
            return await LaunchRepository(session).has_outcome(worker.name.execution_id)
