"""Starts workflows of batches that were never started, or were lost or closed before their batch was complete."""

from temporalio.client import Client

from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.reconciliation.unfinished_batches import UnfinishedBatchRepository
from control_plane_server.domain.unfinished import UnfinishedBatch
from workflows import policies, requests, starting


class UnfinishedBatches:
    def __init__(self, *, client: Client, database: Database) -> None:
        self._client = client
        self._database = database

    async def start(self, run: RepairRun) -> None:
        """Start them, unless they run."""
        async with self._database.statement() as connection:
            found = await UnfinishedBatchRepository(connection).unfinished(older_than=policies.START_PATIENCE)

        async def start(batch: UnfinishedBatch) -> bool:
            return await starting.start_batch(self._client, requests.for_unfinished_batch(batch))

        await run.each(found, start)
