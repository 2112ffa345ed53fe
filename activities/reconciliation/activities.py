"""`reconcile`: finds what was left undone, and repairs it. `forget_ended`: deletes by retention."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from temporalio import activity

from activities import metrics
from activities.heartbeat import keep_heartbeating
from activities.reconciliation.idle_slots import IdleSlots
from activities.reconciliation.incomplete_invocations import IncompleteInvocations
from activities.reconciliation.orphaned_blobs import OrphanedBlobs
from activities.reconciliation.orphaned_containers import OrphanedContainers
from activities.reconciliation.orphaned_invocations import OrphanedInvocations
from activities.reconciliation.overdue_deliveries import OverdueDeliveries
from activities.reconciliation.repair_run import RepairRun
from activities.reconciliation.schedules import Schedules
from activities.reconciliation.undelivered_messages import UndeliveredMessages
from activities.reconciliation.unfinished_batches import UnfinishedBatches
from activities.reconciliation.unstarted_workflows import UnstartedWorkflows
from activities.reconciliation.warm_containers import WarmContainers
from activities.warm.upkeep import WarmUpkeep
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.retention import RetentionRepository
from control_plane_server.catalog.warm_containers.upkeep import UpkeepRepository
from control_plane_server.domain.messages import ForgetEndedResult, ReconciliationResult
from workflows.ports import ReconciliationActivities

logger = structlog.get_logger(__name__)

Repair = Callable[[RepairRun], Awaitable[None]]

# 20,000 invocations a run, one run a minute: more than Temporal starts in that time.
_BATCH = 1_000
_MOST_BATCHES = 20


class BoundReconciliationActivities(ReconciliationActivities):
    def __init__(
        self,
        *,
        database: Database,
        unstarted: UnstartedWorkflows,
        undelivered: UndeliveredMessages,
        idle_slots: IdleSlots,
        unfinished_batches: UnfinishedBatches,
        incomplete_invocations: IncompleteInvocations,
        orphaned_invocations: OrphanedInvocations,
        orphaned_containers: OrphanedContainers,
        orphaned_blobs: OrphanedBlobs,
        warm_containers: WarmContainers,
        warm_upkeep: WarmUpkeep,
        schedules: Schedules,
        overdue_deliveries: OverdueDeliveries,
        retention: timedelta | None,
    ) -> None:
        """`retention`: for how long ended invocations are kept; None: as long as their project."""
        self._database = database
        self._retention = retention
        self._repairs: dict[str, Repair] = {
            "invocations started": unstarted.start_invocations,
            "batches started": unfinished_batches.start,
            "invocations completed": incomplete_invocations.complete,
            "versions prepared": unstarted.start_preparations,
            "projects deleted": unstarted.start_deletions,
            "queues given free slots": idle_slots.give,
            "grants signalled again": undelivered.repeat_grants,
            "cancellations delivered": undelivered.deliver_cancellations,
            "orphaned invocations repaired": orphaned_invocations.repair,
            "containers stopped": orphaned_containers.stop,
            "blobs removed": orphaned_blobs.remove,
            "warm containers ended": warm_containers.end,
            "warm containers launched": warm_upkeep.repair,
            "schedules matched": schedules.match,
            "deliveries started": overdue_deliveries.start,
        }

    @activity.defn(name="reconcile")
    async def reconcile(self) -> ReconciliationResult:
        """All kinds of repair at once: what keeps one kind from being made, as AWS being away, keeps no other."""
        runs = {RepairRun(kind): repair for kind, repair in self._repairs.items()}
        async with keep_heartbeating():
            await asyncio.gather(*(run.run(repair) for run, repair in runs.items()))
        for run in runs:
            metrics.REPAIRS.labels(run.label).inc(run.made)
        metrics.LAST_RECONCILIATION.set_to_current_time()
        made = {run.label: run.made for run in runs if run.made}
        if made:
            logger.warning("reconciliation_repaired", **made)
        return ReconciliationResult(
            repairs={run.kind: run.made for run in runs}, forgets_ended=self._retention is not None
        )

    @activity.defn(name="forget_ended")
    async def forget_ended(self) -> ForgetEndedResult:
        """In short transactions. What is too much for one run is left to the next ones."""
        if self._retention is None:
            return ForgetEndedResult(forgotten=0)
        forgotten = 0
        async with keep_heartbeating():
            for _ in range(_MOST_BATCHES):
                async with self._database.long_transaction() as connection:
                    deleted = await RetentionRepository(connection).forget_ended(
                        older_than=self._retention, at_most=_BATCH
                    )
                forgotten += deleted
                if not deleted:
                    break
            await self._forget_warm_containers(self._retention)
        if forgotten:
            logger.info("ended_invocations_forgotten", invocations=forgotten)
        return ForgetEndedResult(forgotten=forgotten)

    async def _forget_warm_containers(self, retention: timedelta) -> None:
        """Those that were closed so long ago that no execution of theirs is kept."""
        for _ in range(_MOST_BATCHES):
            async with self._database.long_transaction() as connection:
                upkeep = UpkeepRepository(connection)
                closed = await upkeep.closed_before(older_than=retention, at_most=_BATCH)
                await upkeep.forget(warm.container_id for warm in closed)
            if len(closed) < _BATCH:
                break
