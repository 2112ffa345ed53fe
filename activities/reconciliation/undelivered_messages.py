"""Sends messages again that may not have reached their workflows."""

from activities.messenger import Messenger
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Grant
from control_plane_server.catalog.reconciliation.undelivered_messages import UndeliveredMessageRepository
from control_plane_server.domain.identifiers import InvocationId
from workflows import policies


class UndeliveredMessages:
    def __init__(self, *, database: Database, messenger: Messenger) -> None:
        self._database = database
        self._messenger = messenger

    async def repeat_grants(self, run: RepairRun) -> None:
        """Signal slots that were never signalled, or were signalled long ago and not taken up."""
        async with self._database.statement() as connection:
            found = await UndeliveredMessageRepository(connection).unclaimed_grants(
                older_than=policies.GRANT_PATIENCE, again_after=policies.GRANT_REPEAT
            )

        async def signal(grant: Grant) -> bool:
            await self._messenger.deliver(grants=[grant])
            return True

        await run.each(found, signal)

    async def deliver_cancellations(self, run: RepairRun) -> None:
        """Cancel workflows whose cancellation is recorded in the catalog and has not been acted on."""
        async with self._database.statement() as connection:
            found = await UndeliveredMessageRepository(connection).undelivered_cancellations(
                older_than=policies.START_PATIENCE
            )

        async def cancel(invocation_id: InvocationId) -> bool:
            await self._messenger.deliver(cancelled=[invocation_id])
            return True

        await run.each(found, cancel)
