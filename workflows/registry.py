"""Every workflow of this product: what the `loop` process registers and what replay tests replay against."""

from workflows.deletion import ProjectDeletionWorkflow
from workflows.invocation import InvocationWorkflow
from workflows.preparation import FunctionPreparationWorkflow

WORKFLOWS: tuple[type, ...] = (InvocationWorkflow, FunctionPreparationWorkflow, ProjectDeletionWorkflow)
