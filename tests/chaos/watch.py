"""Reads the catalog again and again while things happen: its invariants hold at every instant, not only at the end."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime

from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.domain.identifiers import ExecutionId
from tests.chaos.ledger import Ledger
from tests.chaos.stack import ChaosStack
from tests.simulation import invariants
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
        """What is there now, checked against the invariants; None while PostgreSQL is away."""
        before = await self._stack.platform.live()
        try:
            snapshot = await read_snapshot(self._stack.database)
        except CatalogIsAway:
            return None
        after = await self._stack.platform.live()
        for violation in invariants.violations(snapshot):
            self._ledger.violation(violation)
        alive = (before.keys() & after.keys()) - set(_latecomers(before, snapshot))
        for violation in invariants.violations_of_containers(alive, snapshot):
            self._ledger.violation(violation)
        if self.latest is not None:
            for violation in invariants.violations_between(self.latest, snapshot):
                self._ledger.violation(violation)
        self.latest = snapshot
        return snapshot


def _latecomers(live: Mapping[ExecutionId, datetime | None], snapshot: Snapshot) -> Iterator[ExecutionId]:
    """Executions that were stopped and had ended before their container came."""
    for invocation in snapshot.invocations.values():
        for execution in invocation.executions:
            since = live.get(execution.execution_id)
            if since and execution.is_signalled and execution.end_time and since > execution.end_time:
                yield execution.execution_id
