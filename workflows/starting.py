"""Starts workflows. Each may be started by several processes, any number of times, and runs once."""

from collections.abc import Awaitable

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from control_plane_server.domain.messages import (
    BatchRequest,
    CleanUpRequest,
    DeletionRequest,
    InvocationRequest,
    PreparationRequest,
)
from control_plane_server.domain.webhooks import DeliveryTarget
from workflows import naming
from workflows.batch import BatchWorkflow
from workflows.clean_up import InvocationCleanUpWorkflow
from workflows.deletion import ProjectDeletionWorkflow
from workflows.delivery import DeliveryWorkflow
from workflows.invocation import InvocationWorkflow
from workflows.preparation import FunctionPreparationWorkflow

# The default policy would start a workflow again that has closed.
_NEVER_AGAIN = WorkflowIDReusePolicy.REJECT_DUPLICATE
# The catalog says that the work of these is not done, whatever a closed workflow of the same id did: it may have been
# terminated, or the catalog may have been restored since. Their work may be repeated.
_UNLESS_RUNNING = WorkflowIDReusePolicy.ALLOW_DUPLICATE


async def start_invocation(client: Client, request: InvocationRequest, *, runs_here: bool = False) -> bool:
    """False if it was started before. `runs_here`: a Temporal worker with this client runs such workflows: the answer
    to the start brings it the first task, if it has room. Raises RPCError, or RuntimeError if Temporal cannot be
    connected to, as do all of these functions; the others return False if the workflow runs already."""
    return await _once(
        client.start_workflow(
            InvocationWorkflow.run,
            request,
            id=naming.invocation_workflow_id(request.invocation_id),
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            id_reuse_policy=_NEVER_AGAIN,
            request_eager_start=runs_here,
            search_attributes=naming.invocation_search_attributes(request),
            static_summary=naming.invocation_summary(request.function),
            static_details=naming.invocation_details(request),
        )
    )


async def start_batch(client: Client, request: BatchRequest, *, looks_again: bool = False) -> bool:
    """`looks_again`: if it runs already, have it look at the batch; then True is returned."""
    return await _once(
        client.start_workflow(
            BatchWorkflow.run,
            request,
            id=naming.batch_workflow_id(request.batch_id),
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            id_reuse_policy=_UNLESS_RUNNING,
            start_signal="look_again" if looks_again else None,
            search_attributes=naming.batch_search_attributes(request),
            static_summary=naming.batch_summary(request),
        )
    )


async def start_preparation(client: Client, request: PreparationRequest) -> bool:
    return await _once(
        client.start_workflow(
            FunctionPreparationWorkflow.run,
            request,
            id=naming.preparation_workflow_id(request.version_id),
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            id_reuse_policy=_UNLESS_RUNNING,
            search_attributes=naming.preparation_search_attributes(request),
            static_summary=f"prepare {request.project_name}",
        )
    )


async def start_deletion(client: Client, request: DeletionRequest) -> bool:
    return await _once(
        client.start_workflow(
            ProjectDeletionWorkflow.run,
            request,
            id=naming.deletion_workflow_id(request),
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            id_reuse_policy=_UNLESS_RUNNING,
            search_attributes=naming.deletion_search_attributes(request),
            static_summary=f"delete {request.project_name}",
        )
    )


async def start_delivery(client: Client, target: DeliveryTarget, *, looks_again: bool) -> bool:
    """`looks_again`: if it runs already, have it look for what is due; then True is returned."""
    return await _once(
        client.start_workflow(
            DeliveryWorkflow.run,
            target,
            id=naming.delivery_workflow_id(target),
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            id_reuse_policy=_UNLESS_RUNNING,
            start_signal="look_again" if looks_again else None,
            search_attributes=naming.delivery_search_attributes(target),
            static_summary=naming.shorten(f"deliver {target.project_name}/{target.target}"),
        )
    )


async def start_clean_up(client: Client, request: CleanUpRequest) -> bool:
    return await _once(
        client.start_workflow(
            InvocationCleanUpWorkflow.run,
            request,
            id=naming.clean_up_workflow_id(request),
            task_queue=naming.INVOCATIONS_TASK_QUEUE,
            id_reuse_policy=_UNLESS_RUNNING,
            static_summary=f"clean up {request.invocation_id}",
        )
    )


async def _once(start: Awaitable[object]) -> bool:
    try:
        await start
    except WorkflowAlreadyStartedError:
        return False
    return True
