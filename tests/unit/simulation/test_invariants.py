"""The invariants themselves: each lets a legal history pass, and finds the violation that it is there for."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from control_plane_server.domain.entities import ExecutionOutcome, InvocationStatus
from control_plane_server.domain.identifiers import FunctionName, InvocationId, execution_id_for
from tests.simulation import invariants
from tests.simulation.snapshot import ExecutionState, FunctionState, InvocationState, Snapshot

FUNCTION = FunctionState(name=FunctionName("f"), max_concurrency=1, max_retries=1, timeout_seconds=60)
OLDER, YOUNGER = InvocationId("inv-1"), InvocationId("inv-2")


def at(second: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def execution(
    invocation_id: InvocationId = OLDER,
    attempt: int = 1,
    *,
    outcome: ExecutionOutcome | None = None,
    start: int = 10,
    end: int | None = None,
) -> ExecutionState:
    return ExecutionState(
        execution_id=execution_id_for(invocation_id, attempt),
        attempt=attempt,
        launches=1,
        newest_launch=1,
        outcome=outcome,
        is_signalled=False,
        creation_time=at(start),
        end_time=None if end is None else at(end),
        error_message=None,
    )


def invocation(
    invocation_id: InvocationId = OLDER, *executions: ExecutionState, waits_with: int | None = None
) -> InvocationState:
    return InvocationState(
        invocation_id=invocation_id,
        function_id=1,
        parent_id=None,
        status=InvocationStatus.RUNNING,
        creation_time=at(1 if invocation_id == OLDER else 2),
        last_update_time=at(9),
        is_cancelled=False,
        is_stopped=False,
        outcome=None,
        waits_with=None if waits_with is None else (execution_id_for(invocation_id, waits_with), waits_with),
        executions=executions,
    )


def ended(state: InvocationState) -> InvocationState:
    return replace(state, status=InvocationStatus.TERMINATED)


def snapshot(*invocations: InvocationState) -> Snapshot:
    return Snapshot(functions={1: FUNCTION}, invocations={one.invocation_id: one for one in invocations})


FAILED = execution(outcome=ExecutionOutcome.FAILED, end=20)
SUCCEEDED = execution(outcome=ExecutionOutcome.SUCCEEDED, end=20)
SECOND = execution(attempt=2, start=30)


@pytest.mark.parametrize(
    "invocations",
    [
        [],
        [invocation()],
        [invocation(OLDER, execution())],
        [invocation(OLDER, execution()), invocation(YOUNGER, waits_with=1)],
        [invocation(OLDER, FAILED)],
        [invocation(OLDER, FAILED, SECOND)],
        [ended(invocation(OLDER, SUCCEEDED))],
        [ended(invocation(OLDER, FAILED, replace(SECOND, end_time=at(40))))],
        [ended(replace(invocation(), is_stopped=True))],
    ],
)
def test_what_is_legal_passes(invocations: Iterable[InvocationState]) -> None:
    legal = snapshot(*invocations)
    assert not [
        *invariants.violations(legal),
        *invariants.violations_between(legal, legal),
        *invariants.violations_of_history(legal),
    ]


@pytest.mark.parametrize(
    ("invocations", "violation"),
    [
        ([invocation(OLDER, execution()), invocation(YOUNGER, execution(YOUNGER))], "f has 2 executions, limit 1"),
        ([invocation(waits_with=1)], "f has a free slot, and inv-1 waits"),
        ([invocation(OLDER, execution(), waits_with=2)], "is in the states []"),
        ([invocation(OLDER, SUCCEEDED)], "is in the states []"),
        ([invocation(OLDER, FAILED, replace(SECOND, end_time=at(40)))], "is in the states []"),
        ([ended(invocation(OLDER, execution()))], "is in the states []"),
        ([ended(invocation())], "is in the states []"),
        ([ended(invocation(OLDER, FAILED))], "is in the states []"),
        ([invocation(OLDER, SECOND)], "has gaps in its attempts"),
        ([invocation(OLDER, SUCCEEDED, SECOND)], "went on after its outcome"),
        ([invocation(OLDER, FAILED, replace(FAILED, attempt=2), replace(SECOND, attempt=3))], "had 3 attempts"),
        ([invocation(OLDER, FAILED, waits_with=1)], "waits with the wrong attempt"),
        (
            [ended(replace(invocation(), is_stopped=True)), replace(invocation(YOUNGER), parent_id=OLDER)],
            "runs on, though its parent was stopped",
        ),
    ],
)
def test_a_breach_at_one_instant_is_found(invocations: Iterable[InvocationState], violation: str) -> None:
    assert any(violation in found for found in invariants.violations(snapshot(*invocations)))


@pytest.mark.parametrize(
    ("before", "after", "violation"),
    [
        ([invocation()], [], "is gone"),
        ([ended(invocation(OLDER, SUCCEEDED))], [invocation(OLDER, SUCCEEDED)], "had ended, and changed"),
        ([replace(invocation(), is_cancelled=True)], [invocation()], "forgot its cancellation"),
        ([invocation(OLDER, FAILED)], [invocation()], "lost an attempt"),
        ([invocation(OLDER, FAILED)], [invocation(OLDER, execution())], "had ended, and changed"),
        (
            [invocation(OLDER, replace(SUCCEEDED, end_time=None))],
            [invocation(OLDER, replace(FAILED, end_time=None))],
            "had the outcome SUCCEEDED, and then FAILED",
        ),
        ([invocation(OLDER, replace(SECOND, launches=2))], [invocation(OLDER, SECOND)], "forgot a launch"),
        (
            [invocation(waits_with=1), invocation(YOUNGER, waits_with=1)],
            [invocation(waits_with=1), invocation(YOUNGER, execution(YOUNGER))],
            "got a slot before inv-1, which waited and comes first",
        ),
    ],
)
def test_a_breach_by_a_change_is_found(
    before: Iterable[InvocationState], after: Iterable[InvocationState], violation: str
) -> None:
    assert any(violation in found for found in invariants.violations_between(snapshot(*before), snapshot(*after)))


def test_more_than_the_limit_at_any_instant_of_the_past_is_found() -> None:
    one_after_the_other = [
        ended(invocation(OLDER, replace(SUCCEEDED, end_time=at(20)))),
        ended(invocation(YOUNGER, execution(YOUNGER, outcome=ExecutionOutcome.SUCCEEDED, start=20, end=30))),
    ]
    assert not list(invariants.violations_of_history(snapshot(*one_after_the_other)))
    overlapping = [
        one_after_the_other[0],
        ended(invocation(YOUNGER, execution(YOUNGER, outcome=ExecutionOutcome.SUCCEEDED, start=19, end=30))),
    ]
    assert list(invariants.violations_of_history(snapshot(*overlapping))) == ["f had 2 executions at once, limit 1"]


def test_a_container_without_a_slot_is_found() -> None:
    holding = execution().execution_id
    assert not list(invariants.violations_of_containers([holding], snapshot(invocation(OLDER, execution()))))
    assert list(invariants.violations_of_containers([holding], snapshot(invocation(OLDER, FAILED))))
