"""Every workflow of this product: what the `loop` process registers and what replay tests replay against."""

from workflows.batch import BatchWorkflow
from workflows.clean_up import InvocationCleanUpWorkflow
from workflows.deletion import ProjectDeletionWorkflow
from workflows.delivery import DeliveryWorkflow
from workflows.invocation import InvocationWorkflow
from workflows.preparation import FunctionPreparationWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.scheduled_call import ScheduledCallWorkflow

WORKFLOWS: tuple[type, ...] = (
    InvocationWorkflow,
    BatchWorkflow,
    FunctionPreparationWorkflow,
    ProjectDeletionWorkflow,
    InvocationCleanUpWorkflow,
    ReconciliationWorkflow,
    ScheduledCallWorkflow,
    DeliveryWorkflow,
)
