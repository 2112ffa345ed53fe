"""Gives slots to what has waited for the end of a pause, as soon as it is over."""

import asyncio
import contextlib
from datetime import timedelta

import structlog

from activities.reconciliation.idle_slots import IdleSlots
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import PAUSES_CHANNEL, NotificationListener
from control_plane_server.catalog.pauses import seconds_to_next_end
from control_plane_server.domain.errors import CatalogIsAway

logger = structlog.get_logger(__name__)

# Between two looks at what ends at nearly the same time, or at a catalog that is away.
_SHORTEST_WAIT = timedelta(seconds=0.1)
_RETRY = timedelta(seconds=5)
# The clock of the database, which decides, may be set meanwhile.
_LONGEST_WAIT = timedelta(minutes=10)


class PauseEnds:
    """Of one process. All of them give the same slots, under the locks of the queues. What they miss the reconciliation
    gives."""

    def __init__(self, *, database: Database, listener: NotificationListener, idle_slots: IdleSlots) -> None:
        self._database = database
        self._listener = listener
        self._idle_slots = idle_slots

    async def watch(self) -> None:
        """For ever. While nothing is paused or resumed it asks for nothing, but for a look when it begins."""
        clock = asyncio.get_running_loop().time
        async with self._listener.subscribe((PAUSES_CHANNEL, "")) as changed:
            while True:
                changed.clear()
                wait = await self._time_to_next_look()  # before the slots are given: none is missed that ends meanwhile
                next_look = None if wait is None else clock() + wait.total_seconds()
                await self._give_all()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(next_look):
                        await changed.wait()

    async def _time_to_next_look(self) -> timedelta | None:
        """None: until something is paused or resumed."""
        try:
            async with self._database.statement() as connection:
                left = await seconds_to_next_end(connection)
        except CatalogIsAway as error:
            logger.warning("ends_of_pauses_are_not_known", reason=str(error))
            return _RETRY
        return None if left is None else max(_SHORTEST_WAIT, min(timedelta(seconds=left), _LONGEST_WAIT))

    async def _give_all(self) -> None:
        """As many as are free, however long it takes."""
        while True:
            run = RepairRun("queues given free slots")
            await run.run(self._idle_slots.give)
            if not run.made:
                return
            logger.info("slots_are_given_after_a_pause", portions=run.made)
