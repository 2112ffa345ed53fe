"""Gives slots away that are free though somebody waits for them."""

from datetime import timedelta

from activities.messenger import Messenger
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.reconciliation.idle_slots import IdleSlotRepository
from control_plane_server.domain.identifiers import InvocationId


class IdleSlots:
    def __init__(self, *, database: Database, messenger: Messenger) -> None:
        self._database = database
        self._messenger = messenger

    async def give(self, run: RepairRun) -> None:
        """To those who wait, in the order of each queue. However young they are: they may have been resumed just now,
        and whatever is under way gives the same slots under the same lock."""
        async with self._database.statement() as connection:
            found = await IdleSlotRepository(connection).first_in_queues(older_than=timedelta())

        async def give_to_queue_of(invocation_id: InvocationId) -> bool:
            async with self._database.transaction() as connection:
                slots = SlotQueue(connection)
                owner = await slots.lock_owner_of(invocation_id)
                grants = () if owner is None else await slots.grant_free_slots(owner)
            await self._messenger.deliver(grants=grants)
            return bool(grants)

        await run.each(found, give_to_queue_of)
