"""When everything is up again and nobody asks for more: waits for the rest to end, and looks for what is wrong."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.worker import Replayer

from control_plane_server.orchestration.payloads import data_converter
from tests.chaos.client import PROJECT, ApiClient, Json
from tests.chaos.ledger import Ledger
from tests.chaos.notes import read_overlaps, read_runs
from tests.chaos.platform import Platform
from tests.chaos.stack import ChaosStack
from tests.chaos.verdicts import verdicts
from tests.chaos.watch import Watch
from tests.simulation import aftermath, invariants
from tests.simulation.snapshot import Snapshot
from workflows.registry import WORKFLOWS

# A loop's death is noticed after 20 s; a try that failed is repeated within 30 s, a workflow task after 10 s; the
# reconciliation comes every minute, and touches nothing that is younger than 15 s.
SETTLED_WITHIN = timedelta(seconds=150)
_LISTED_WITHIN = timedelta(seconds=30)
_GONE_WITHIN = timedelta(seconds=15)
_LOOK_SECONDS = 0.25


async def finish_all(stack: ChaosStack, watch: Watch, ledger: Ledger) -> Snapshot:
    """Until every invocation has ended, or the time for that is over."""
    try:
        async with asyncio.timeout(SETTLED_WITHIN.total_seconds()):
            await stack.all_up()
            while True:
                snapshot = await watch.look()
                if snapshot is not None and not any(one.is_running for one in snapshot.invocations.values()):
                    return snapshot
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        ledger.violation(f"not at rest after {SETTLED_WITHIN}")
    if watch.latest is None:
        raise RuntimeError("the catalog could not be read once")
    return watch.latest


async def classify(stack: ChaosStack, api: ApiClient, snapshot: Snapshot, *, notes: Path, ledger: Ledger) -> None:
    """Every check, each violation noted."""
    for sentence in (
        *_unended(snapshot),
        *_cancelled_by_nobody(snapshot, ledger),
        *invariants.violations_of_history(snapshot),
    ):
        ledger.violation(sentence)
    invocations = await _answers_of_api(api, snapshot, ledger)
    for sentence in verdicts(invocations, await stack.platform.traces(notes), read_runs(notes), ledger):
        ledger.violation(sentence)
    for sentence in (*await _left_over(stack.platform), *await stack.platform.violations(), *read_overlaps(notes)):
        ledger.violation(sentence)
    await _judge_workflows(stack.client, snapshot, ledger)


def _unended(snapshot: Snapshot) -> Iterator[str]:
    for invocation in snapshot.invocations.values():
        states = invariants.legal_states(invocation, snapshot.functions[invocation.function_id])
        if states != [invariants.LegalState.ENDED]:
            yield f"{invocation.invocation_id} is in the states {states} at the end: {invocation}"


def _cancelled_by_nobody(snapshot: Snapshot, ledger: Ledger) -> Iterator[str]:
    """A stop goes down to children, a timeout's too: of those that nobody else could stop."""
    for invocation in snapshot.invocations.values():
        nobody_asked = invocation.invocation_id not in ledger.asked_to_cancel and invocation.parent_id is None
        if invocation.is_cancelled and nobody_asked:
            yield f"{invocation.invocation_id} was cancelled, and nobody asked for that: {invocation}"


async def _answers_of_api(api: ApiClient, snapshot: Snapshot, ledger: Ledger) -> list[Json]:
    answers = []
    for invocation in snapshot.invocations.values():
        answer = await api.get(invocation.invocation_id)
        if answer is None or answer["invocation_status"] != "TERMINATED":
            ledger.violation(f"{invocation.invocation_id} is told of as {answer}")
        if answer is not None:
            answers.append(answer)
        if invocation.invocation_id in ledger.cancelled and not invocation.is_cancelled:
            ledger.violation(f"the cancellation of {invocation.invocation_id} was accepted and is not recorded")
    for label, invocation_id in ledger.accepted.items():
        if invocation_id not in snapshot.invocations:
            ledger.violation(f"{label} was accepted as {invocation_id}, which does not exist")
    return answers


async def _left_over(platform: Platform) -> list[str]:
    """A supervisor whose container has ended has a folder to remove first; what came too late is just being stopped."""
    try:
        async with asyncio.timeout(_GONE_WITHIN.total_seconds()):
            while await platform.remains():
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return [f"left over: {process}" for process in await platform.remains()]
    return []


async def _judge_workflows(client: Client, snapshot: Snapshot, ledger: Ledger) -> None:
    try:
        async with asyncio.timeout(_LISTED_WITHIN.total_seconds()):
            forgotten = ledger.forgotten_by_temporal
            known = {one: state for one, state in snapshot.invocations.items() if one not in forgotten}
            workflows = await aftermath.closed_workflows(client, PROJECT, count=len(known))
    except TimeoutError:
        listed = [one.id async for one in client.list_workflows(_OPEN)]
        ledger.violation(f"workflows are missing or open: {len(snapshot.invocations)} invocations, open: {listed}")
        return
    contradictions = aftermath.contradictions(replace(snapshot, invocations=known), workflows)
    for sentence in (*contradictions, *_ended_by_force(workflows)):
        ledger.violation(sentence)
    for workflow_id, error in (await _replay_failures(client)).items():
        ledger.violation(f"the history of {workflow_id} does not replay: {error}")


_OPEN = 'ExecutionStatus = "Running" AND WorkflowType != "ReconciliationWorkflow"'


def _ended_by_force(workflows: Mapping[str, WorkflowExecution]) -> Iterator[str]:
    by_itself = (
        WorkflowExecutionStatus.COMPLETED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.FAILED,  # with the outcome as its status, which is compared with the catalog's
    )
    for workflow in workflows.values():
        if workflow.status not in by_itself:
            yield f"the workflow {workflow.id} is {workflow.status}"


async def _replay_failures(client: Client) -> Mapping[str, Exception]:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter)
    closed = client.list_workflows('ExecutionStatus != "Running"').map_histories()
    results = await replayer.replay_workflows(closed, raise_on_replay_failure=False)
    return results.replay_failures
