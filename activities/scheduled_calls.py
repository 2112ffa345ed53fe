"""`call_scheduled`: a time of a schedule becomes an invocation."""

import structlog
from temporalio import activity
from temporalio.client import Client

from activities import metrics
from activities.messenger import Messenger
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.schedules.firings import Firing, FiringRepository, FiringState
from control_plane_server.domain.messages import CallScheduledRequest, CallScheduledResult
from workflows.ports import ScheduleActivities
from workflows.schedules import delete_schedule

logger = structlog.get_logger(__name__)


class BoundScheduleActivities(ScheduleActivities):
    def __init__(self, *, client: Client, database: Database, messenger: Messenger) -> None:
        self._client = client
        self._database = database
        self._messenger = messenger

    @activity.defn(name="call_scheduled")
    async def call_scheduled(self, request: CallScheduledRequest) -> CallScheduledResult:
        """The row first: whoever dies behind it leaves an invocation that the next try, or the reconciliation,
        starts."""
        async with self._database.transaction() as connection:
            firing = await FiringRepository(connection).fire(
                request.schedule_id, request.scheduled_time, has_waited=request.has_waited
            )
        await self._follow(request, firing)
        return CallScheduledResult(state=firing.state, invocation_id=firing.invocation_id, reason=firing.reason)

    async def _follow(self, request: CallScheduledRequest, firing: Firing) -> None:
        metrics.SCHEDULED_CALLS.labels(metrics.MISSED if firing.is_missed else firing.state.lower()).inc()
        if firing.invocation_id is not None:
            await self._messenger.start_invocation(firing.invocation_id)
        if firing.cancelled:
            await self._messenger.deliver(cancelled=firing.cancelled)
        if firing.state is FiringState.SKIPPED:
            logger.warning("scheduled_call_is_skipped", schedule=request.schedule_id, reason=firing.reason)
        if firing.state is FiringState.UNKNOWN:
            # Deleted while Temporal was away, or not in the backup that the catalog was restored from.
            await delete_schedule(self._client, request.schedule_id)
            logger.warning("schedule_is_unknown_and_deleted", schedule=request.schedule_id)
