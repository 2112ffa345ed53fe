"""The activities of an invocation, with the services that they use."""

from datetime import timedelta

from temporalio import activity

from activities.errors import shortened
from activities.execution_spans import ExecutionSpans
from activities.executions import ExecutionRunner
from activities.heartbeat import keep_heartbeating
from activities.messenger import Messenger
from activities.warm.stops import LeaseStops
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.stops import StoppedInvocation, StopRepository
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.domain.messages import (
    AttemptState,
    EndInvocationRequest,
    EndInvocationResult,
    RunExecutionRequest,
    RunExecutionResult,
    StopInvocationRequest,
    StopInvocationResult,
)
from control_plane_server.provisioners.contract import Provisioner
from workflows import failures
from workflows.ports import InvocationActivities

# A launch may wait some minutes behind thousands of others; a pull of an image notes its progress.
_PROGRESS_WITHIN = timedelta(minutes=5)
# Cancelled by a local activity, which has ten seconds and cannot send heartbeats. Further children are recorded as
# cancelled too, and the reconciliation delivers their cancellations.
_MOST_TOLD_AT_THE_END = 300


class BoundInvocationActivities(InvocationActivities):
    def __init__(
        self,
        *,
        runner: ExecutionRunner,
        database: Database,
        provisioner: Provisioner,
        messenger: Messenger,
        spans: ExecutionSpans,
    ) -> None:
        self._runner = runner
        self._database = database
        self._provisioner = provisioner
        self._messenger = messenger
        self._spans = spans
        self._lease_stops = LeaseStops(database=database, provisioner=provisioner)

    @activity.defn(name="run_execution")
    async def run_execution(self, request: RunExecutionRequest) -> RunExecutionResult:
        """Raises ApplicationError, of which `failures.result_of` reads the result, where the attempt failed."""
        async with keep_heartbeating(_PROGRESS_WITHIN):
            result = await self._runner.run(request)
        if request.raises_failure and result.state is AttemptState.ENDED and failures.is_failed_attempt(result):
            raise failures.of_attempt(result)
        return result

    @activity.defn(name="stop_invocation")
    async def stop_invocation(self, request: StopInvocationRequest) -> StopInvocationResult | None:
        async with keep_heartbeating():  # ECS takes 20 stops a second, and a parent may have thousands of children
            return await self._stop(request)

    @activity.defn(name="end_invocation")
    async def end_invocation(self, request: EndInvocationRequest) -> EndInvocationResult:
        """Also records the invocation's span, and cancels at most 300 of its children, as it is a local activity."""
        if request.cancels_workflow:  # nothing else: a message of another that cannot be sent would keep it open
            await self._messenger.deliver(cancelled=(request.invocation_id,))
            return EndInvocationResult(error_message=None)
        async with self._database.transaction() as connection:
            ended = await TerminationRepository(connection).terminate_invocation(
                request.invocation_id, reason=request.reason
            )
        self._spans.record_invocation(request.trace, error=request.reason or "stopped")
        await self._messenger.deliver(
            grants=ended.grants, cancelled=ended.children[:_MOST_TOLD_AT_THE_END], batches=ended.batches
        )
        return EndInvocationResult(error_message=shortened(ended.error_message))

    async def _stop(self, request: StopInvocationRequest) -> StopInvocationResult | None:
        async with self._database.transaction() as connection:
            stops = StopRepository(connection)
            stopped = await stops.stop_invocation(request.invocation_id, reason=request.reason)
            is_claimed = stopped.is_claimed or (
                request.execution_id is not None and await stops.is_claimed(request.execution_id)
            )
        try:
            await self._stop_container(stopped)
        finally:  # children are stopped even if the container cannot be stopped now
            await self._messenger.deliver(cancelled=stopped.children, batches=stopped.batches)
        if request.execution_id is None:
            return None
        is_at_work = not request.is_repeated or await self._messenger.is_at_work(
            request.invocation_id, request.execution_id
        )
        return StopInvocationResult(is_claimed=is_claimed, is_at_work=is_at_work)

    async def _stop_container(self, stopped: StoppedInvocation) -> None:
        if stopped.container is None:
            return
        if stopped.reuse is None:
            await self._provisioner.stop(stopped.container)
        else:
            await self._lease_stops.ask(stopped.container.name, stopped.container, stopped.reuse.isolation)
