"""Ends warm containers that nobody hears from, or whose process died between two steps."""

from datetime import timedelta
from functools import partial

import structlog

from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.warm_containers.containers import WarmContainer
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.catalog.warm_containers.upkeep import UpkeepRepository
from control_plane_server.domain.reuse import LONGEST_POLL
from control_plane_server.provisioners.contract import Provisioner
from control_plane_server.provisioners.live_containers import every_live_container
from workflows import policies

logger = structlog.get_logger(__name__)

# Per run: the next one finds what is left.
_MOST = 200
_PAGE = 1_000
# Whoever is answered asks again at once.
SILENT_AFTER = 3 * LONGEST_POLL
# From the launch to the first question: an image of many GB is pulled, a module is imported.
LONGEST_START = timedelta(minutes=15)


class WarmContainers:
    def __init__(self, *, database: Database, provisioner: Provisioner) -> None:
        self._database = database
        self._provisioner = provisioner

    async def end(self, run: RepairRun) -> None:
        """Close and stop idle ones that are silent, those whose execution has gone on without them, and those that have
        not asked in all the time that a start may take; close those that are gone."""
        async with self._database.transaction() as connection:
            upkeep = UpkeepRepository(connection)
            silent = await upkeep.silent(older_than=SILENT_AFTER, at_most=_MOST)
            overtaken = await upkeep.overtaken(older_than=policies.CONTAINER_PATIENCE, at_most=_MOST)
        opened = await self._opened()
        await run.each(silent, partial(self._end, reason="it has not asked for a minute"))
        await run.each(overtaken, partial(self._end, reason="its execution has gone on without it", is_leased=True))
        unleased = [
            warm for warm in opened if warm.state is not State.LEASED and warm.age > policies.CONTAINER_PATIENCE
        ]
        late = [warm for warm in unleased if warm.state is State.STARTING and warm.age > LONGEST_START]
        await run.each(late, partial(self._end, reason="it has not asked since it was launched"))
        if unleased:  # asked after the rows were read: what they name was there by then
            alive = {container.name for container in await every_live_container(self._provisioner)}
            gone = [warm for warm in unleased if warm.name not in alive]
            await run.each(gone, partial(self._close, reason="it is gone", is_gone=True))

    async def _opened(self) -> list[WarmContainer]:
        found: list[WarmContainer] = []
        while True:
            async with self._database.transaction() as connection:
                page = await UpkeepRepository(connection).opened(
                    after=found[-1].container_id if found else None, at_most=_PAGE
                )
            found += page
            if len(page) < _PAGE:
                return found

    async def _end(self, warm: WarmContainer, *, reason: str, is_leased: bool = False) -> bool:
        """False if it has been leased, or has let go of its lease, meanwhile."""
        if not await self._close(warm, reason=reason, is_gone=is_leased):
            return False
        if warm.container is not None:
            await self._provisioner.stop(warm.container)
        return True

    async def _close(self, warm: WarmContainer, *, reason: str, is_gone: bool) -> bool:
        leased_to = None
        if warm.execution_id is not None and warm.launch is not None:
            leased_to = (warm.execution_id, warm.launch)
        async with self._database.statement() as connection:
            is_closed = await LeaseRepository(connection).close(
                warm.container_id, reason=reason, is_gone=is_gone, leased_to=leased_to
            )
        if is_closed:
            logger.warning("warm_container_is_closed", container=str(warm.name), reason=reason)
        return is_closed
