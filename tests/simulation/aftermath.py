"""What must be true when everything has come to rest, in the catalog, in Temporal and among the containers."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from control_plane_server.domain.entities import ExecutionOutcome, InvocationOutcome
from control_plane_server.domain.identifiers import ExecutionId
from tests.simulation import invariants
from tests.simulation.containers import Fleet
from tests.simulation.snapshot import InvocationState, Snapshot
from workflows import naming

# Two stops at once: the workflow's is the one that it heard of first.
_STOPS = {InvocationOutcome.CANCELLED, InvocationOutcome.TIMED_OUT}

_STATUSES = {
    InvocationOutcome.SUCCEEDED: WorkflowExecutionStatus.COMPLETED,
    InvocationOutcome.CANCELLED: WorkflowExecutionStatus.CANCELED,
}


def leftovers(snapshot: Snapshot, fleet: Fleet) -> Iterator[str]:
    for invocation in snapshot.invocations.values():
        states = invariants.legal_states(invocation, snapshot.functions[invocation.function_id])
        if states != [invariants.LegalState.ENDED]:
            yield f"{invocation.invocation_id} is in the states {states}"
    for container in fleet.alive:
        yield f"{container.request.name} runs"
    yield from invariants.violations_of_history(snapshot)
    yield from _unequal_launches(snapshot, fleet)


async def closed_workflows(temporal: Client, project_name: str, *, count: int) -> Mapping[str, WorkflowExecution]:
    """The project's invocation workflows by id, once so many are listed as closed: lists lag behind."""
    query = f'{naming.PROJECT.name} = "{project_name}" AND WorkflowType = "InvocationWorkflow"'
    while True:
        found = {workflow.id: workflow async for workflow in temporal.list_workflows(query)}
        if len(found) == count and all(one.status is not WorkflowExecutionStatus.RUNNING for one in found.values()):
            return found
        await asyncio.sleep(0.1)


def contradictions(snapshot: Snapshot, workflows: Mapping[str, WorkflowExecution]) -> Iterator[str]:
    """Where the catalog and Temporal give different answers for the same invocation."""
    for invocation in snapshot.invocations.values():
        workflow = workflows[invocation.invocation_id]
        result = result_of(workflow)
        if not _agrees(invocation, result, max_retries=snapshot.functions[invocation.function_id].max_retries):
            yield f"{invocation.invocation_id} ended {result} in Temporal: {invocation}"
        if workflow.status is not _STATUSES.get(result, WorkflowExecutionStatus.FAILED):
            yield f"the workflow {workflow.id} is {workflow.status} and says {result}"


def result_of(workflow: WorkflowExecution) -> InvocationOutcome:
    return InvocationOutcome(str(workflow.typed_search_attributes[naming.STATUS]))


def _agrees(invocation: InvocationState, result: InvocationOutcome, *, max_retries: int) -> bool:
    if invocation.outcome is not result and {invocation.outcome, result} != _STOPS:
        return False
    outcome = invocation.executions[-1].outcome if invocation.executions else None
    was_stopped = invocation.is_stopped or invocation.is_cancelled
    match result:
        case InvocationOutcome.SUCCEEDED:
            return outcome is ExecutionOutcome.SUCCEEDED
        case InvocationOutcome.CANCELLED | InvocationOutcome.TIMED_OUT:
            return was_stopped and outcome is not ExecutionOutcome.SUCCEEDED
        case InvocationOutcome.ABORTED:
            return not was_stopped and outcome is ExecutionOutcome.ABORTED
        case InvocationOutcome.FAILED:
            has_failed = outcome is None or outcome is ExecutionOutcome.FAILED
            return not was_stopped and has_failed and len(invocation.executions) == max_retries + 1


def _unequal_launches(snapshot: Snapshot, fleet: Fleet) -> Iterator[str]:
    """A launch is recorded before it is made. It is not made if a stop comes between."""
    made: Counter[ExecutionId] = Counter(name.execution_id for name in fleet.containers)
    for invocation in snapshot.invocations.values():
        for execution in invocation.executions:
            missing = execution.launches - made.pop(execution.execution_id, 0)
            if missing and not (missing == 1 and execution.is_signalled):
                yield f"{execution.execution_id} lacks {missing} of {execution.launches} recorded launches"
    for execution_id in made:
        yield f"{execution_id} had a container and is not in the catalog"
