"""Completes invocations that the release before has inserted or ended, while releases change."""

from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.incomplete_invocations import IncompleteInvocationRepository

# At a time, which locks them.
_BATCH = 500


class IncompleteInvocations:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def complete(self, run: RepairRun) -> None:
        """As a rule there are none, which an index says."""
        completed = _BATCH
        while completed == _BATCH:
            async with self._database.statement() as connection:
                completed = await IncompleteInvocationRepository(connection).complete(at_most=_BATCH)
            run.made += completed
