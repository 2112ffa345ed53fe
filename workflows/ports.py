"""The activities as workflows call them: names and signatures. `activities/` implements them."""

from temporalio import activity

from domain.messages import (
    CancelProjectResult,
    DeletionRequest,
    EndInvocationRequest,
    ForgetEndedResult,
    PrepareFunctionRequest,
    PrepareFunctionResult,
    ReconciliationResult,
    RunExecutionRequest,
    RunExecutionResult,
    StopInvocationRequest,
    StopInvocationResult,
)


class InvocationActivities:
    """The steps of an invocation's life. Each is idempotent and may run twice at once."""

    @activity.defn(name="run_execution")
    async def run_execution(self, request: RunExecutionRequest) -> RunExecutionResult:
        """One attempt from its slot to its recorded end. Returns QUEUED at once if there is no free slot."""
        raise NotImplementedError

    @activity.defn(name="stop_invocation")
    async def stop_invocation(self, request: StopInvocationRequest) -> StopInvocationResult | None:
        """Make the stop durable, then ask the live container to end. Does not wait for it. None unless the
        request names an execution."""
        raise NotImplementedError

    @activity.defn(name="end_invocation")
    async def end_invocation(self, request: EndInvocationRequest) -> None:
        """TERMINATED, out of the queue, its slots handed on."""
        raise NotImplementedError


class PreparationActivities:
    @activity.defn(name="prepare_function")
    async def prepare_function(self, request: PrepareFunctionRequest) -> PrepareFunctionResult:
        """PENDING to READY, or a reason why never; then whoever waits for the function gets its turn."""
        raise NotImplementedError


class DeletionActivities:
    """The steps of a project's deletion. Each may be repeated, and leaves a later project of the same name alone."""

    @activity.defn(name="cancel_project")
    async def cancel_project(self, request: DeletionRequest) -> CancelProjectResult:
        """Let nothing begin in the project any more, and cancel whatever runs."""
        raise NotImplementedError

    @activity.defn(name="retire_project")
    async def retire_project(self, request: DeletionRequest) -> None:
        """Undo what was prepared for the project's functions."""
        raise NotImplementedError

    @activity.defn(name="delete_project")
    async def delete_project(self, request: DeletionRequest) -> CancelProjectResult:
        """Delete the project's rows, unless an invocation runs again."""
        raise NotImplementedError


class ReconciliationActivities:
    @activity.defn(name="reconcile")
    async def reconcile(self) -> ReconciliationResult:
        """Look once for everything that is left undone, and have it done."""
        raise NotImplementedError

    @activity.defn(name="forget_ended")
    async def forget_ended(self) -> ForgetEndedResult:
        """Delete invocations that ended longer ago than they are kept."""
        raise NotImplementedError
