"""The statuses in which Temporal has closed a workflow. In all others, as when it is paused, the workflow is open."""

from temporalio.client import WorkflowExecutionStatus

# Closed by itself, with a result or with a failure that carries one.
CLOSED_WITH_RESULT = frozenset({WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.FAILED})
# Closed without a result: by an operator, a cancellation, or a limit.
CLOSED_EARLY = frozenset(
    {WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.CANCELED, WorkflowExecutionStatus.TIMED_OUT}
)
CLOSED = CLOSED_EARLY | CLOSED_WITH_RESULT
