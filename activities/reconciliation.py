"""`reconcile`: one look for what was left undone, and the repairs."""

from collections.abc import Awaitable, Iterable

import structlog
from temporalio import activity
from temporalio.client import Client

from activities.messenger import Messenger
from activities.orphans import OrphanRepairs
from catalog.database import Database
from catalog.loose_ends import LooseEndRepository
from domain.messages import ReconciliationResult
from workflows import policies, starting
from workflows.ports import ReconciliationActivities

logger = structlog.get_logger(__name__)


class BoundReconciliationActivities(ReconciliationActivities):
    def __init__(self, *, client: Client, database: Database, messenger: Messenger, orphans: OrphanRepairs) -> None:
        self._client = client
        self._database = database
        self._messenger = messenger
        self._orphans = orphans

    @activity.defn(name="reconcile")
    async def reconcile(self) -> ReconciliationResult:
        repairs = {
            "invocations started": await self._start_invocations(),
            "versions prepared": await self._start_preparations(),
            "projects deleted": await self._start_deletions(),
            "grants told again": await self._tell_grants(),
            "cancellations delivered": await self._deliver_cancellations(),
            "invocations cleaned up": await self._orphans.clean_up_invocations(),
            "workers stopped": await self._orphans.stop_workers(),
        }
        made = {name: count for name, count in repairs.items() if count}
        if made:
            logger.warning("reconciliation_repaired", **{name.replace(" ", "_"): count for name, count in made.items()})
        return ReconciliationResult(repairs=repairs)

    async def _start_invocations(self) -> int:
        async with self._database.statement() as session:
            found = await LooseEndRepository(session).unstarted_invocations(older_than=policies.START_PATIENCE)
        return await _count(starting.start_invocation(self._client, request) for request in found)

    async def _start_preparations(self) -> int:
        async with self._database.statement() as session:
            found = await LooseEndRepository(session).unprepared_versions(older_than=policies.START_PATIENCE)
        return await _count(starting.start_preparation(self._client, request) for request in found)

    async def _start_deletions(self) -> int:
        async with self._database.statement() as session:
            found = await LooseEndRepository(session).undeleted_projects(older_than=policies.START_PATIENCE)
        return await _count(starting.start_deletion(self._client, request) for request in found)

    async def _tell_grants(self) -> int:
        async with self._database.statement() as session:
            found = await LooseEndRepository(session).unclaimed_grants(older_than=policies.GRANT_PATIENCE)
        await self._messenger.tell(grants=found)
        return len(found)

    async def _deliver_cancellations(self) -> int:
        async with self._database.statement() as session:
            found = await LooseEndRepository(session).undelivered_cancellations(older_than=policies.START_PATIENCE)
        await self._messenger.tell(cancelled=found)
        return len(found)


async def _count(starts: Iterable[Awaitable[bool]]) -> int:
    """How many workflows were started by this, one after the other: a repair is in no hurry."""
    return sum([await start for start in starts])
