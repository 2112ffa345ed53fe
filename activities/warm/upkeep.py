"""Keeps containers ready for functions that want some before they are called: `min_idle`."""

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog

from activities.reconciliation.repair_run import RepairRun
from activities.warm.requests import warm_request
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.catalog.warm_containers.upkeep import Unlaunched, UpkeepRepository
from control_plane_server.domain.containers import Container
from control_plane_server.domain.errors import ContainerError, Unavailable
from control_plane_server.liveness.failures import expect_failures, report_failure
from control_plane_server.provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

_TASK = "warm upkeep"
# Asked for at each lease: one look serves all that come within this.
_PAUSE = timedelta(seconds=0.5)
# Per look: the next one finds what is left.
_MOST = 200


class WarmUpkeep:
    """May run in several processes at once: a container is noted before it is launched, under its name. Entered while
    the process works, as it has a task in the background."""

    def __init__(self, *, database: Database, provisioner: Provisioner, signing_key: str) -> None:
        self._database = database
        self._provisioner = provisioner
        self._signing_key = signing_key
        self._running: asyncio.Task[None] | None = None
        self._is_wanted = False
        self._is_open = False
        expect_failures(_TASK)

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))

    def ask(self) -> None:
        """Have it looked soon, in the background. If that fails, the reconciliation does it."""
        if not self._is_open:
            return
        self._is_wanted = True
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._look(), name=_TASK)
            self._running.add_done_callback(_report)

    async def repair(self, run: RepairRun) -> None:
        """Launch what is missing, and what a process has noted and not launched before it died."""
        async with self._database.transaction() as connection:
            upkeep = UpkeepRepository(connection)
            await upkeep.refill()
            await upkeep.wake_overdue()
        async with self._database.transaction() as connection:
            unlaunched = await UpkeepRepository(connection).unlaunched(at_most=_MOST)
        await run.each(unlaunched, self._launch)

    async def _look(self) -> None:
        while self._is_wanted:
            self._is_wanted = False
            await RepairRun("warm containers launched").run(self.repair)
            await asyncio.sleep(_PAUSE.total_seconds())

    async def _launch(self, unlaunched: Unlaunched) -> bool:
        """One that cannot be launched is closed: another one is noted in its place, later."""
        warm, function = unlaunched.warm, unlaunched.function
        assert function.prepared is not None
        request = warm_request(warm.container_id, function, prepared=function.prepared, signing_key=self._signing_key)
        try:
            details = await self._provisioner.launch(request, age=warm.age)
        except Unavailable:
            raise
        except ContainerError as error:
            logger.warning("warm_container_is_not_launched", container=str(warm.name), reason=str(error))
            async with self._database.statement() as connection:
                await LeaseRepository(connection).close(warm.container_id, reason=str(error), is_gone=True)
            return False
        async with self._database.statement() as connection:
            is_open = await LeaseRepository(connection).record(warm.container_id, details)
        if not is_open:
            await self._provisioner.stop(Container(name=warm.name, details=details))
        return True


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        report_failure(_TASK, error)
