"""Looks at the catalog again and again while things happen: its laws hold at every instant, not just at the end."""

import asyncio

from domain.errors import CatalogIsAway
from tests.chaos.ledger import Ledger
from tests.chaos.stack import ChaosStack
from tests.simulation import laws
from tests.simulation.snapshot import Snapshot, read_snapshot

_INTERVAL_SECONDS = 0.25


class Watch:
    def __init__(self, stack: ChaosStack, ledger: Ledger) -> None:
        self._stack = stack
        self._ledger = ledger
        self.latest: Snapshot | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_INTERVAL_SECONDS)

    async def look(self) -> Snapshot | None:
        """What is there now, held against the laws; None while PostgreSQL is away."""
        before = {worker.execution_id for worker in self._stack.workers.live()}
        try:
            snapshot = await read_snapshot(self._stack.database)
        except CatalogIsAway:
            return None
        after = {worker.execution_id for worker in self._stack.workers.live()}
        for breach in laws.breaches(snapshot):
            self._ledger.violation(breach)
        for breach in laws.breaches_of_containers(before & after, snapshot):
            self._ledger.violation(breach)
        if self.latest is not None:
            for breach in laws.breaches_between(self.latest, snapshot):
                self._ledger.violation(breach)
        self.latest = snapshot
        return snapshot
