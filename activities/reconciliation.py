"""`reconcile`: one look for what was left undone, and the repairs."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities import metrics
from activities.messenger import Messenger
from activities.orphans import OrphanRepairs
from catalog.database import Database
from catalog.loose_ends import LooseEndRepository
from catalog.retention import RetentionRepository
from domain.errors import WorkerError
from domain.messages import InvocationRequest, ReconciliationResult
from workflows import policies, starting
from workflows.ports import ReconciliationActivities

if TYPE_CHECKING:
    from environment.spans import Spans

logger = structlog.get_logger(__name__)

# 20,000 a minute: more than Temporal starts.
_BATCH = 1_000
_MOST_BATCHES = 20


class BoundReconciliationActivities(ReconciliationActivities):
    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        messenger: Messenger,
        orphans: OrphanRepairs,
        retention: timedelta | None,
        spans: "Spans | None",
    ) -> None:
        """`retention`: for how long ended invocations are kept; None: as long as their project."""
        self._client = client
        self._database = database
        self._messenger = messenger
        self._orphans = orphans
        self._retention = retention
        self._spans = spans

    @activity.defn(name="reconcile")
    async def reconcile(self) -> ReconciliationResult:
        steps: dict[str, Callable[[], Awaitable[int]]] = {
            "invocations started": self._start_invocations,
            "versions prepared": self._start_preparations,
            "projects deleted": self._start_deletions,
            "grants told again": self._tell_grants,
            "cancellations delivered": self._deliver_cancellations,
            "invocations cleaned up": self._orphans.clean_up_invocations,
            "workers stopped": self._orphans.stop_workers,
        }
        repairs = {name: await self._repaired(name, step) for name, step in steps.items()}
        for name, count in repairs.items():
            metrics.REPAIRS.labels(name.replace(" ", "_")).inc(count)
        metrics.LAST_RECONCILIATION.set_to_current_time()
        made = {name: count for name, count in repairs.items() if count}
        if made:
            logger.warning("reconciliation_repaired", **{name.replace(" ", "_"): count for name, count in made.items()})
        if self._retention is not None:
            repairs["ended invocations forgotten"] = await self._forget_ended(self._retention)
        return ReconciliationResult(repairs=repairs)

    async def _repaired(self, name: str, step: Callable[[], Awaitable[int]]) -> int:
        """What keeps one repair from being made, AWS away for instance, keeps none of the others."""
        try:
            return await step()
        except (WorkerError, RPCError) as error:
            logger.warning("repair_is_not_made", repair=name, reason=str(error))
            return 0

    async def _start_invocations(self) -> int:
        async with self._database.statement() as connection:
            found = await LooseEndRepository(connection).unstarted_invocations(older_than=policies.START_PATIENCE)
        return await _count(self._start_invocation(request) for request in found)

    async def _start_invocation(self, request: InvocationRequest) -> bool:
        if self._spans is None:
            return await starting.start_invocation(self._client, request)
        origin = self._spans.origin(request.invocation_id)
        request = replace(request, traceparent=self._spans.traceparent_of(origin))
        is_started = await starting.start_invocation(self._client, request)
        if is_started:
            origin.end()
        return is_started

    async def _start_preparations(self) -> int:
        async with self._database.statement() as connection:
            found = await LooseEndRepository(connection).unprepared_versions(older_than=policies.START_PATIENCE)
        return await _count(starting.start_preparation(self._client, request) for request in found)

    async def _start_deletions(self) -> int:
        async with self._database.statement() as connection:
            found = await LooseEndRepository(connection).undeleted_projects(older_than=policies.START_PATIENCE)
        return await _count(starting.start_deletion(self._client, request) for request in found)

    async def _tell_grants(self) -> int:
        async with self._database.statement() as connection:
            found = await LooseEndRepository(connection).unclaimed_grants(
                older_than=policies.GRANT_PATIENCE, again_after=policies.GRANT_REPEAT
            )
        await self._messenger.tell(grants=found)
        return len(found)

    async def _deliver_cancellations(self) -> int:
        async with self._database.statement() as connection:
            found = await LooseEndRepository(connection).undelivered_cancellations(older_than=policies.START_PATIENCE)
        await self._messenger.tell(cancelled=found)
        return len(found)

    async def _forget_ended(self, retention: timedelta) -> int:
        """In short transactions. What is too much for one look is left for the next ones."""
        forgotten = 0
        for _ in range(_MOST_BATCHES):
            async with self._database.transaction() as connection:
                deleted = await RetentionRepository(connection).forget_ended(older_than=retention, at_most=_BATCH)
            forgotten += deleted
            if not deleted:
                break
        if forgotten:
            logger.info("ended_invocations_forgotten", invocations=forgotten)
        return forgotten


async def _count(starts: Iterable[Awaitable[bool]]) -> int:
    """How many workflows were started by this, one after the other: a repair is in no hurry."""
    return sum([await start for start in starts])
