"""Gives slots away that are free though somebody waits for them."""

import time
from datetime import timedelta

from activities.messenger import Messenger
from activities.reconciliation.repair_run import ITEM_PATIENCE, KIND_PATIENCE, RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import PORTION, SlotQueue
from control_plane_server.catalog.reconciliation.idle_slots import IdleSlotRepository
from control_plane_server.domain.identifiers import InvocationId


class IdleSlots:
    def __init__(self, *, database: Database, messenger: Messenger) -> None:
        self._database = database
        self._messenger = messenger

    async def give(self, run: RepairRun) -> None:
        """To those who wait, in the order of each queue. However young they are: they may have been resumed just now,
        and whatever is under way gives the same slots under the same lock.

        In portions, each an item by itself: so many workflows are started within an item's patience even while the
        containers of others begin. A slot that is not given yet is anybody's to give; one that is given, and whose
        workflow is not told, waits for a later run. So none is given that may not be told within the kind's patience.
        """
        last_portion = time.monotonic() + (KIND_PATIENCE - ITEM_PATIENCE).total_seconds()
        async with self._database.statement() as connection:
            queues = await IdleSlotRepository(connection).first_in_queues(older_than=timedelta())
        while queues and time.monotonic() < last_portion:
            queues = await self._give_portions(run, queues)

    async def _give_portions(self, run: RepairRun, queues: list[InvocationId]) -> list[InvocationId]:
        """One to each queue, named by one that waits or has waited in it. Returns those that may get more."""
        go_on: list[InvocationId] = []

        async def give_portion(invocation_id: InvocationId) -> bool:
            async with self._database.transaction() as connection:
                slots = SlotQueue(connection)
                owner = await slots.lock_owner_of(invocation_id)
                grants = () if owner is None else await slots.grant_free_slots(owner)
            if len(grants) >= PORTION:
                go_on.append(invocation_id)
            await self._messenger.deliver(grants=grants)
            return bool(grants)

        await run.each(queues, give_portion)
        return go_on
