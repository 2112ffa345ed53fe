"""The statuses in which Temporal has closed a workflow. In all others, as when it is paused, the workflow is open."""

from temporalio.client import WorkflowExecutionStatus

# Closed without a result: by an operator, a cancellation, a limit, or a defect of ours.
CLOSED_EARLY = frozenset(
    {
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TIMED_OUT,
        WorkflowExecutionStatus.FAILED,
    }
)
CLOSED = CLOSED_EARLY | {WorkflowExecutionStatus.COMPLETED}
