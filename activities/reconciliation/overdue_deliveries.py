"""Has webhooks sent that nobody sends: their workflow was never started, or was lost or closed."""

from activities.delivery_starter import DeliveryStarter
from activities.reconciliation.repair_run import RepairRun
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.webhooks.deliveries import DeliveryRepository
from workflows import policies

# Per run: the next one finds what is left.
_MOST = 1_000


class OverdueDeliveries:
    def __init__(self, *, database: Database, starter: DeliveryStarter) -> None:
        self._database = database
        self._starter = starter

    async def start(self, run: RepairRun) -> None:
        """A receiver that takes less than there is to send has its workflow look once more, which is no repair."""
        async with self._database.statement() as connection:
            overdue = await DeliveryRepository(connection).overdue(older_than=policies.START_PATIENCE, at_most=_MOST)
        await run.each(overdue, self._starter.restart)
