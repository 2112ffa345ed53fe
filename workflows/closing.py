"""What Temporal says of workflows that are over. What it may say besides, as of a paused one, is not over."""

from temporalio.client import WorkflowExecutionStatus

# By an operator, by a cancellation that was heard, by a limit, or by a defect of ours: not by its own result.
CLOSED_EARLY = frozenset(
    {
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TIMED_OUT,
        WorkflowExecutionStatus.FAILED,
    }
)
CLOSED = CLOSED_EARLY | {WorkflowExecutionStatus.COMPLETED}
