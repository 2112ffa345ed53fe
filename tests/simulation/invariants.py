"""What must hold of the catalog at every instant. Each check yields a sentence per violation."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import accumulate

from control_plane_server.domain.identifiers import ExecutionId, execution_id_for
from tests.simulation import queue_laws
from tests.simulation.snapshot import FunctionState, InvocationState, Snapshot


class LegalState(StrEnum):
    """An invocation is in exactly one of these."""

    AWAY = "away"  # runs, with neither slot nor place: not begun yet, between two attempts, or about to end
    WAITING = "waiting"  # runs, with a place in the queue for its next attempt
    HOLDING = "holding"  # runs, with a slot for its last attempt
    ENDED = "ended"  # for a reason that stands in its row or in its attempts


def violations(snapshot: Snapshot) -> Iterator[str]:
    """Of the invariants that one instant can violate."""
    for invocation in snapshot.invocations.values():
        function = snapshot.functions[invocation.function_id]
        states = legal_states(invocation, function)
        if len(states) != 1:
            yield f"{invocation.invocation_id} is in the states {states}: {invocation}"
        yield from _violations_in_attempts(invocation, function)
        yield from _violations_in_children(invocation, snapshot)
    yield from queue_laws.violations_of_limits(snapshot)
    yield from queue_laws.violations_of_delays(snapshot)


def legal_states(invocation: InvocationState, function: FunctionState) -> list[LegalState]:
    holds = sum(execution.is_live for execution in invocation.executions)
    waits = invocation.waits_with is not None
    if invocation.is_running:
        states = {
            LegalState.AWAY: not holds and not waits and not _has_run_its_course(invocation, function),
            LegalState.WAITING: not holds and waits and not _has_run_its_course(invocation, function),
            LegalState.HOLDING: holds == 1 and not waits and invocation.executions[-1].is_live,
        }
    else:
        has_reason = invocation.is_cancelled or invocation.is_stopped or _has_run_its_course(invocation, function)
        states = {LegalState.ENDED: not holds and not waits and has_reason}
    return [state for state, is_true in states.items() if is_true]


def violations_between(earlier: Snapshot, later: Snapshot) -> Iterator[str]:
    """Of the invariants that only a change can violate."""
    for invocation_id, before in earlier.invocations.items():
        after = later.invocations.get(invocation_id)
        if after is None:
            yield f"{invocation_id} is gone"
        elif not before.is_running and after != before:
            yield f"{invocation_id} had ended, and changed: {before} {after}"
        elif before.is_cancelled and not after.is_cancelled:
            yield f"{invocation_id} forgot its cancellation"
        else:
            yield from _violations_in_changes(before, after)
    yield from queue_laws.violations_of_order(earlier, later)


def violations_of_history(snapshot: Snapshot) -> Iterator[str]:
    """Of the limit at any instant in the past: slots are taken and given back under a lock, so the times tell."""
    for function_id, function in snapshot.functions.items():
        most = most_at_once(snapshot, function_id)
        if most > function.max_concurrency:
            yield f"{function.name} had {most} executions at once, limit {function.max_concurrency}"


def violations_of_containers(alive: Iterable[ExecutionId], snapshot: Snapshot) -> Iterator[str]:
    """`alive`: executions whose containers ran before and after the snapshot, and so at its instant."""
    live = {
        execution.execution_id
        for invocation in snapshot.invocations.values()
        for execution in invocation.executions
        if execution.is_live
    }
    for execution_id in set(alive) - live:
        yield f"the container of {execution_id} runs without a slot"


def most_at_once(snapshot: Snapshot, function_id: int) -> int:
    executions = [
        execution for invocation in snapshot.invocations_of(function_id) for execution in invocation.executions
    ]
    changes = [(execution.creation_time, +1) for execution in executions]
    changes += [(execution.end_time, -1) for execution in executions if execution.end_time is not None]
    return max(accumulate(change for _, change in sorted(changes)), default=0)


def _has_run_its_course(invocation: InvocationState, function: FunctionState) -> bool:
    """Its last attempt has ended, and no other may follow: it must end in the same transaction."""
    if not invocation.executions or invocation.executions[-1].is_live:
        return False
    return invocation.executions[-1].is_final or len(invocation.executions) > function.max_retries


def _violations_in_attempts(invocation: InvocationState, function: FunctionState) -> Iterator[str]:
    executions = invocation.executions
    if [execution.attempt for execution in executions] != list(range(1, len(executions) + 1)):
        yield f"{invocation.invocation_id} has gaps in its attempts: {executions}"
    if invocation.waits_with is not None:
        next_attempt = len(executions) + 1
        if invocation.waits_with != (execution_id_for(invocation.invocation_id, next_attempt), next_attempt):
            yield f"{invocation.invocation_id} waits with the wrong attempt: {invocation}"
    if len(executions) > function.max_retries + 1:
        yield f"{invocation.invocation_id} had {len(executions)} attempts"
    if any(execution.is_final for execution in executions[:-1]):
        yield f"{invocation.invocation_id} went on after its outcome: {executions}"
    for execution in executions:
        if execution.execution_id != execution_id_for(invocation.invocation_id, execution.attempt):
            yield f"{execution.execution_id} is not attempt {execution.attempt} of {invocation.invocation_id}"


def _violations_in_children(child: InvocationState, snapshot: Snapshot) -> Iterator[str]:
    if child.parent_id is None or child.is_cancelled or not child.is_running:
        return
    parent = snapshot.invocations[child.parent_id]
    if parent.is_stopped or (parent.is_cancelled and not parent.is_running):
        yield f"{child.invocation_id} runs on, though its parent was stopped: {parent}"


def _violations_in_changes(before: InvocationState, after: InvocationState) -> Iterator[str]:
    """An attempt is never forgotten, and neither is its outcome or its end."""
    if len(after.executions) < len(before.executions):
        yield f"{before.invocation_id} lost an attempt"
    for old, new in zip(before.executions, after.executions, strict=False):
        if old.end_time is not None and new != old:
            yield f"{old.execution_id} had ended, and changed: {old} {new}"
        if old.outcome is not None and new.outcome is not old.outcome:
            yield f"{old.execution_id} had the outcome {old.outcome}, and then {new.outcome}"
        if new.launches < old.launches:
            yield f"{old.execution_id} forgot a launch"
