"""The activities as workflows call them: names and signatures. `activities/` implements them."""

from temporalio import activity

from control_plane_server.domain.messages import (
    AdvanceBatchRequest,
    BatchProgress,
    CallScheduledRequest,
    CallScheduledResult,
    CancelProjectResult,
    DeletionRequest,
    DeliveryProgress,
    EndInvocationRequest,
    EndInvocationResult,
    ForgetEndedResult,
    PrepareFunctionRequest,
    PrepareFunctionResult,
    ReconciliationResult,
    RunExecutionRequest,
    RunExecutionResult,
    StopInvocationRequest,
    StopInvocationResult,
)
from control_plane_server.domain.webhooks import DeliveryTarget


class InvocationActivities:
    """The steps of an invocation's life. Each is idempotent and may run twice at once."""

    @activity.defn(name="run_execution")
    async def run_execution(self, request: RunExecutionRequest) -> RunExecutionResult:
        """Run one attempt, from its slot to its recorded end. Returns at once QUEUED if no slot is free, REFUSED if the
        invocation is stopped or has ended.

        Fails with a FailedAttempt where the attempt failed and `raises_failure`."""
        raise NotImplementedError

    @activity.defn(name="stop_invocation")
    async def stop_invocation(self, request: StopInvocationRequest) -> StopInvocationResult | None:
        """Make the stop durable, then ask the live container to end, without waiting for its end. None unless the
        request names an execution."""
        raise NotImplementedError

    @activity.defn(name="end_invocation")
    async def end_invocation(self, request: EndInvocationRequest) -> EndInvocationResult | None:
        """Make the invocation TERMINATED, take it out of the queue, and hand its slot on. With `cancels_workflow` only
        cancel its workflow. None: from a release that had no result."""
        raise NotImplementedError


class BatchActivities:
    """The steps of a batch's life."""

    @activity.defn(name="advance_batch")
    async def advance_batch(self, request: AdvanceBatchRequest) -> BatchProgress:
        """Give free slots to those who wait, stop what is to stop, and return how far the batch has come. May be
        repeated."""
        raise NotImplementedError


class ScheduleActivities:
    """What is done at the times of schedules."""

    @activity.defn(name="call_scheduled")
    async def call_scheduled(self, request: CallScheduledRequest) -> CallScheduledResult:
        """Make the invocation of a time of a schedule, and start its workflow. There is one, however often this is
        repeated."""
        raise NotImplementedError


class PreparationActivities:
    """The steps of preparing functions. Each may be repeated."""

    @activity.defn(name="prepare_function")
    async def prepare_function(self, request: PrepareFunctionRequest) -> PrepareFunctionResult:
        """Make the function READY, or record why it never will be; then executions that wait for it get its slots."""
        raise NotImplementedError


class DeletionActivities:
    """The steps of a project's deletion. Each may be repeated, and leaves a later project of the same name alone."""

    @activity.defn(name="cancel_project")
    async def cancel_project(self, request: DeletionRequest) -> CancelProjectResult:
        """Let nothing begin in the project any more, and cancel what runs. Returns what still has to end."""
        raise NotImplementedError

    @activity.defn(name="retire_project")
    async def retire_project(self, request: DeletionRequest) -> None:
        """Undo what was prepared for the project's functions."""
        raise NotImplementedError

    @activity.defn(name="delete_project")
    async def delete_project(self, request: DeletionRequest) -> CancelProjectResult:
        """Delete the project's rows. If an invocation runs again, its version stays, and the result counts it."""
        raise NotImplementedError


class DeliveryActivities:
    """The one step of sending webhooks. It may be repeated."""

    @activity.defn(name="deliver_due")
    async def deliver_due(self, target: DeliveryTarget) -> DeliveryProgress:
        """Send what is due to the target, a few at a time, and record each attempt. Returns after a minute or so at
        the latest, when more may be due."""
        raise NotImplementedError


class ReconciliationActivities:
    """The steps of the reconciliation. Each may be repeated, and run twice at once."""

    @activity.defn(name="reconcile")
    async def reconcile(self) -> ReconciliationResult:
        """Find once everything that is left undone, and have it done. Returns how many repairs of each kind were
        made."""
        raise NotImplementedError

    @activity.defn(name="forget_ended")
    async def forget_ended(self) -> ForgetEndedResult:
        """Delete invocations that ended longer ago than they are kept."""
        raise NotImplementedError
