"""Invocations whose workflow Temporal has closed, or does not know, while the catalog takes them for running."""

from enum import Enum, auto

import structlog
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.messenger import Messenger
from activities.reconciliation.repair_run import RepairRun
from activities.reconciliation.termination_guard import TerminationGuard
from activities.reconciliation.unstarted_workflows import UnstartedWorkflows
from catalog.database import Database
from catalog.reconciliation.orphaned_invocations import OrphanedInvocationRepository
from catalog.reconciliation.recorded_terminations import RecordedTerminationRepository
from catalog.reconciliation.unstarted_workflows import UnstartedWorkflowRepository
from domain.entities import ExecutionOutcome
from domain.identifiers import InvocationId
from domain.messages import InvocationOutcome, InvocationResult
from domain.unfinished import AbandonedInvocation, RunningInvocation, UnfinishedInvocation
from orchestration.namespace_link import NamespaceLink
from workflows import policies, requests, starting
from workflows.closing import CLOSED_EARLY
from workflows.naming import invocation_workflow_id

logger = structlog.get_logger(__name__)

_OPEN_WORKFLOWS = 'WorkflowType = "InvocationWorkflow" AND ExecutionStatus = "Running"'
# Asked for one by one; then those are repaired, and the next are asked for.
_BATCH = 500
_CLOSED = "closed"
_OUTCOMES = {
    InvocationOutcome.SUCCEEDED: ExecutionOutcome.SUCCEEDED,
    InvocationOutcome.FAILED: ExecutionOutcome.FAILED,
    InvocationOutcome.ABORTED: ExecutionOutcome.ABORTED,
}


class _Fate(Enum):
    """What Temporal says of a workflow."""

    OPEN = auto()
    UNKNOWN = auto()
    COMPLETED = auto()
    CLOSED = auto()  # by somebody: terminated, say


class OrphanedInvocations:
    """That Temporal does not know a workflow ends nothing: it is started again, and finds its container.

    The list of open workflows lags behind, so it only points out whom to ask for. An invocation that ends by itself is
    TERMINATED before its workflow closes: one that runs in the catalog after its workflow was seen closed is lost.
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
        """Raises NamespaceIsNotOurs, where nothing that is not found is missing."""
        async with self._database.statement() as connection:
            running = await OrphanedInvocationRepository(connection).running_invocations(
                older_than=policies.START_PATIENCE
            )
        if not running:
            await self._guard.admit(_CLOSED, (), running=0)
            return
        await self._link.check()
        is_open = {workflow.id async for workflow in self._client.list_workflows(_OPEN_WORKFLOWS)}
        suspects = [one for one in running if invocation_workflow_id(one.invocation_id) not in is_open]
        closed: list[InvocationId] = []
        for start in range(0, len(suspects), _BATCH):
            closed += await self._repair_batch(run, suspects[start : start + _BATCH])
        await self._clean_up(run, closed, running=len(running))

    async def _repair_batch(self, run: RepairRun, suspects: list[RunningInvocation]) -> list[InvocationId]:
        """Those that somebody closed, which are left to do."""
        fates: dict[InvocationId, _Fate] = {}

        async def ask(suspect: RunningInvocation) -> bool:
            fates[suspect.invocation_id] = await self._fate_of(suspect)
            return False

        await run.each(suspects, ask)
        await self._link.check()  # what was not found is missing only if it was looked for in the right place
        async with self._database.statement() as connection:
            unknown = await UnstartedWorkflowRepository(connection).unfinished(_with_fate(fates, _Fate.UNKNOWN))
        await run.each(unknown, self._start_again)
        closed = _with_fate(fates, _Fate.CLOSED)

        async def record(invocation_id: InvocationId) -> bool:
            is_recorded = await self._record_termination(invocation_id)
            if not is_recorded:  # it was stopped
                closed.append(invocation_id)
            return is_recorded

        await run.each(_with_fate(fates, _Fate.COMPLETED), record)
        return closed

    async def _fate_of(self, suspect: RunningInvocation) -> _Fate:
        """One that has not begun may have none yet. One that was reset has a closed run behind it, and an open one."""
        try:
            description = await self._client.get_workflow_handle(
                invocation_workflow_id(suspect.invocation_id)
            ).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return _Fate.UNKNOWN if suspect.has_begun else _Fate.OPEN
        if description.status is WorkflowExecutionStatus.COMPLETED:
            return _Fate.COMPLETED
        return _Fate.CLOSED if description.status in CLOSED_EARLY else _Fate.OPEN

    async def _start_again(self, invocation: UnfinishedInvocation) -> bool:
        is_started = await self._unstarted.start_invocation(invocation, resumes=True)
        if is_started:
            logger.warning("invocation_has_a_workflow_again", invocation_id=invocation.invocation_id)
        return is_started

    async def _record_termination(self, invocation_id: InvocationId) -> bool:
        """What a catalog that was restored from a backup does not know. False if it was stopped."""
        handle = self._client.get_workflow_handle(invocation_workflow_id(invocation_id), result_type=InvocationResult)
        result: InvocationResult = await handle.result()
        outcome = _OUTCOMES.get(result.ending)
        if outcome is None:
            return False
        async with self._database.transaction() as connection:
            grants = await RecordedTerminationRepository(connection).record_termination(
                invocation_id, attempt=result.executions, outcome=outcome, error_message=_explanation(result)
            )
        logger.warning("invocation_had_ended", invocation_id=invocation_id, outcome=outcome)
        await self._messenger.deliver(grants=grants)
        return True

    async def _clean_up(self, run: RepairRun, closed: list[InvocationId], *, running: int) -> None:
        admitted = await self._guard.admit(_CLOSED, closed, running=running)
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


def _with_fate(fates: dict[InvocationId, _Fate], wanted: _Fate) -> list[InvocationId]:
    return [invocation_id for invocation_id, fate in fates.items() if fate is wanted]


def _explanation(result: InvocationResult) -> str:
    known = "It ended after the backup that this catalog was restored from: its output is not known"
    return known if result.error_message is None else f"{result.error_message} ({known[0].lower()}{known[1:]})"
