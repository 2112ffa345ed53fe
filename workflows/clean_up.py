"""Ends an invocation whose own workflow was closed from outside, as when an operator terminated it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from control_plane_server.domain.messages import (
        CleanUpRequest,
        EndInvocationRequest,
        RunExecutionRequest,
        StopInvocationRequest,
        StopReason,
    )
    from workflows import naming, policies
    from workflows.ports import InvocationActivities


@workflow.defn
class InvocationCleanUpWorkflow:
    """Stops the container, waits until it is gone, and records the end. Started by the reconciliation."""

    @workflow.run
    async def run(self, request: CleanUpRequest) -> None:
        await workflow.execute_activity_method(
            InvocationActivities.stop_invocation,
            StopInvocationRequest(invocation_id=request.invocation_id, reason=StopReason.CANCELLED),
            task_queue=naming.CONTROL_TASK_QUEUE,
            start_to_close_timeout=policies.STOP_START_TO_CLOSE,
            heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
            retry_policy=policies.PASSING_FAULTS,
        )
        if request.execution_id is not None:
            # The execution is stopped: nothing is launched and no attempt follows. So it needs no slot of the queue
            # `invocations`, for which it might wait.
            await workflow.execute_activity_method(
                InvocationActivities.run_execution,
                RunExecutionRequest(
                    invocation_id=request.invocation_id,
                    execution_id=request.execution_id,
                    attempt=request.attempt,
                    is_last_attempt=True,
                ),
                activity_id=request.execution_id,
                task_queue=naming.CONTROL_TASK_QUEUE,
                start_to_close_timeout=policies.RUN_EXECUTION_START_TO_CLOSE,
                heartbeat_timeout=policies.HEARTBEAT_TIMEOUT,
                retry_policy=policies.PASSING_FAULTS,
            )
        await workflow.execute_local_activity_method(
            InvocationActivities.end_invocation,
            EndInvocationRequest(invocation_id=request.invocation_id),
            start_to_close_timeout=policies.LOCAL_START_TO_CLOSE,
            retry_policy=policies.PASSING_FAULTS,
        )
