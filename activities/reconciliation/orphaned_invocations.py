"""Repairs invocations that are RUNNING in the catalog, but whose workflow Temporal has closed or does not know."""

from enum import Enum, auto
from typing import Any

import structlog
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.messenger import Messenger
from activities.reconciliation.repair_run import RepairRun
from activities.reconciliation.termination_guard import TerminationGuard
from activities.reconciliation.unstarted_workflows import UnstartedWorkflows
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.reconciliation.orphaned_invocations import OrphanedInvocationRepository
from control_plane_server.catalog.reconciliation.recorded_terminations import RecordedTerminationRepository
from control_plane_server.catalog.reconciliation.unstarted_workflows import UnstartedWorkflowRepository
from control_plane_server.domain.entities import ExecutionOutcome, InvocationOutcome
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.messages import InvocationResult
from control_plane_server.domain.unfinished import AbandonedInvocation, RunningInvocation, UnfinishedInvocation
from control_plane_server.orchestration.namespace_link import NamespaceLink
from workflows import policies, requests, starting
from workflows.closing import CLOSED_EARLY, CLOSED_WITH_RESULT
from workflows.naming import invocation_workflow_id

logger = structlog.get_logger(__name__)

_OPEN_WORKFLOWS = 'WorkflowType = "InvocationWorkflow" AND ExecutionStatus = "Running"'
# Workflows of so many are described one by one, then repaired, before those of the next.
_BATCH = 500
_KIND = "closed"
_OUTCOMES = {
    InvocationOutcome.SUCCEEDED: ExecutionOutcome.SUCCEEDED,
    InvocationOutcome.FAILED: ExecutionOutcome.FAILED,
    InvocationOutcome.ABORTED: ExecutionOutcome.ABORTED,
}


class _WorkflowState(Enum):
    """The state of a workflow in Temporal."""

    OPEN = auto()
    UNKNOWN = auto()
    HAS_RESULT = auto()
    CLOSED = auto()  # from outside, as by termination


class OrphanedInvocations:
    """A workflow that Temporal does not know is started again, and finds the invocation's container.

    The list of open workflows lags behind, so each workflow that is not in it is described by itself. An invocation
    that ends by itself is TERMINATED before its workflow closes: one that is RUNNING after its workflow was seen closed
    has lost it.
    """

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        messenger: Messenger,
        link: NamespaceLink,
        guard: TerminationGuard,
        unstarted: UnstartedWorkflows,
    ) -> None:
        self._client = client
        self._database = database
        self._messenger = messenger
        self._link = link
        self._guard = guard
        self._unstarted = unstarted

    async def repair(self, run: RepairRun) -> None:
        """Repair all of them, as far as the guard admits. Raises NamespaceIsNotOurs, RPCError, CatalogIsAway."""
        async with self._database.statement() as connection:
            running = await OrphanedInvocationRepository(connection).running_invocations(
                older_than=policies.START_PATIENCE
            )
        if not running:
            await self._guard.admit(_KIND, (), running=0)
            return
        await self._link.check()
        is_open = {workflow.id async for workflow in self._client.list_workflows(_OPEN_WORKFLOWS)}
        suspects = [one for one in running if invocation_workflow_id(one.invocation_id) not in is_open]
        closed: list[InvocationId] = []
        for start in range(0, len(suspects), _BATCH):
            closed += await self._repair_batch(run, suspects[start : start + _BATCH])
        await self._clean_up(run, closed, running=len(running))

    async def _repair_batch(self, run: RepairRun, suspects: list[RunningInvocation]) -> list[InvocationId]:
        """Returns those whose workflow was closed from outside, which are not repaired here."""
        states: dict[InvocationId, _WorkflowState] = {}

        async def ask(suspect: RunningInvocation) -> bool:
            states[suspect.invocation_id] = await self._workflow_state(suspect)
            return False

        await run.each(suspects, ask)
        await self._link.check()  # a workflow that was not found is missing only if this is the right namespace
        async with self._database.statement() as connection:
            unknown = await UnstartedWorkflowRepository(connection).unfinished(
                _in_state(states, _WorkflowState.UNKNOWN)
            )
        await run.each(unknown, self._start_again)
        closed = _in_state(states, _WorkflowState.CLOSED)

        async def record(invocation_id: InvocationId) -> bool:
            is_recorded = await self._record_termination(invocation_id)
            if not is_recorded:  # it was stopped
                closed.append(invocation_id)
            return is_recorded

        await run.each(await self._still_running(_in_state(states, _WorkflowState.HAS_RESULT)), record)
        return closed

    async def _still_running(self, closed: list[InvocationId]) -> list[InvocationId]:
        """Those that have lost the end of their workflow, which was seen closed before: others have ended meanwhile."""
        if not closed:
            return []
        async with self._database.statement() as connection:
            running = await OrphanedInvocationRepository(connection).running_among(closed)
        return [one.invocation_id for one in running]

    async def _workflow_state(self, suspect: RunningInvocation) -> _WorkflowState:
        """OPEN also for an invocation that has not begun, as it may have no workflow yet. Of a workflow that was reset,
        the newest run counts."""
        try:
            description = await self._client.get_workflow_handle(
                invocation_workflow_id(suspect.invocation_id)
            ).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return _WorkflowState.UNKNOWN if suspect.has_begun else _WorkflowState.OPEN
        if description.status in CLOSED_WITH_RESULT:
            return _WorkflowState.HAS_RESULT
        return _WorkflowState.CLOSED if description.status in CLOSED_EARLY else _WorkflowState.OPEN

    async def _start_again(self, invocation: UnfinishedInvocation) -> bool:
        is_started = await self._unstarted.start_invocation(invocation, resumes=True)
        if is_started:
            logger.warning("invocation_has_a_workflow_again", invocation_id=invocation.invocation_id)
        return is_started

    async def _record_termination(self, invocation_id: InvocationId) -> bool:
        """Record an end that happened after the backup from which this catalog was restored. False if it was a stop,
        or the workflow failed without a result, as those of releases before did by a defect."""
        result = await self._result(
            self._client.get_workflow_handle(invocation_workflow_id(invocation_id), result_type=InvocationResult)
        )
        outcome = None if result is None else _OUTCOMES.get(result.ending)
        if result is None or outcome is None:
            return False
        async with self._database.transaction() as connection:
            grants = await RecordedTerminationRepository(connection).record_termination(
                invocation_id, attempt=result.executions, outcome=outcome, error_message=_explanation(result)
            )
        logger.warning("invocation_had_ended", invocation_id=invocation_id, outcome=outcome)
        await self._messenger.deliver(grants=grants)
        return True

    async def _result(self, handle: "WorkflowHandle[Any, InvocationResult]") -> InvocationResult | None:
        """Of a workflow that has closed by itself. None if it failed without one."""
        try:
            return await handle.result()
        except WorkflowFailureError as failure:
            if not isinstance(failure.cause, ApplicationError) or not failure.cause.details:
                return None
            converter = self._client.data_converter.payload_converter
            try:
                return converter.from_payload(converter.to_payload(failure.cause.details[0]), InvocationResult)
            except ValueError:
                return None

    async def _clean_up(self, run: RepairRun, closed: list[InvocationId], *, running: int) -> None:
        admitted = await self._guard.admit(_KIND, closed, running=running)
        if not admitted:
            return
        async with self._database.statement() as connection:
            abandoned = await OrphanedInvocationRepository(connection).running_among(admitted)
        await run.each(abandoned, self._clean_up_one)

    async def _clean_up_one(self, invocation: AbandonedInvocation) -> bool:
        is_started = await starting.start_clean_up(self._client, requests.for_abandoned(invocation))
        if is_started:
            logger.warning("invocation_is_cleaned_up", invocation_id=invocation.invocation_id)
        return is_started


def _in_state(states: dict[InvocationId, _WorkflowState], wanted: _WorkflowState) -> list[InvocationId]:
    return [invocation_id for invocation_id, state in states.items() if state is wanted]


def _explanation(result: InvocationResult) -> str:
    known = "It ended after the backup that this catalog was restored from: its output is not known"
    return known if result.error_message is None else f"{result.error_message} ({known[0].lower()}{known[1:]})"
