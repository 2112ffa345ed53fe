"""A page that shows an invocation as it is has missed nothing, and is told nothing twice."""

from itertools import pairwise
from typing import Any

import pytest

from api.console.live_positions import position_of
from api.events.positions import digest_of
from api.events.sequence import LogState, next_event
from control_plane_server.catalog.invocation_snapshots import ExecutionSnapshot, InvocationSnapshot
from control_plane_server.domain.entities import ContainerStatus, Execution, ExecutionOutcome, InvocationStatus
from tests.unit.api.console.invocations import CONTAINER, NOW, ago, execution, failed, invocation

LAUNCHED: dict[str, Any] = {"launches": 1, "container_status": ContainerStatus.PROVISIONING, "launch_time": ago(50)}
FOUND = {**LAUNCHED, "container_status": ContainerStatus.RUNNING, "container_details": CONTAINER}
STARTED = {**FOUND, "execution_start_time": ago(40)}
FINISHED = {**STARTED, "execution_finish_time": ago(5), "outcome": ExecutionOutcome.FAILED, "error_message": "x"}
SHOWN = (
    (),
    (execution(),),
    (execution(**LAUNCHED),),
    (execution(**FOUND),),
    (execution(**STARTED),),
    (execution(**FINISHED),),
    (failed(container_details=CONTAINER, launches=1),),
    (failed(container_details=CONTAINER, launches=1), execution(2, **STARTED)),
)


def snapshot(executions: tuple[Execution, ...], **changes: Any) -> InvocationSnapshot:
    seen: dict[str, Any] = {
        "invocation_id": invocation().invocation_id,
        "status": InvocationStatus.RUNNING,
        "cancellation_request_time": None,
        "creation_time": ago(120),
        "last_update_time": NOW,
        "read_time": NOW,
        "executions": tuple(map(_snapshot, executions)),
    }
    return InvocationSnapshot(**{**seen, **changes})


def _snapshot(execution: Execution) -> ExecutionSnapshot:
    names = set(ExecutionSnapshot.__dataclass_fields__) - {"launch", "marked_launch"}
    return ExecutionSnapshot(launch=execution.launches, **{name: getattr(execution, name) for name in names})


@pytest.mark.parametrize("executions", SHOWN, ids=range(len(SHOWN)))
def test_nothing_is_told_of_what_is_shown(executions: tuple[Execution, ...]) -> None:
    position = position_of(invocation(*executions), "7")
    assert next_event(snapshot(executions[-1:]), position, log=LogState.COMPLETE) is None


@pytest.mark.parametrize(("shown", "then"), list(pairwise(SHOWN)), ids=range(len(SHOWN) - 1))
def test_whatever_follows_is_told(shown: tuple[Execution, ...], then: tuple[Execution, ...]) -> None:
    event = next_event(snapshot(then), position_of(invocation(*shown), None), log=LogState.COMPLETE)
    assert event is not None
    of_this = [one for one in then if one.attempt == event.position.attempt]
    assert of_this or not shown


def test_an_end_a_cancellation_and_progress_are_told() -> None:
    position = position_of(invocation(execution(**STARTED)), None)
    running = (execution(**STARTED),)
    assert next_event(snapshot(running, cancellation_request_time=NOW), position, log=LogState.COMPLETE) is not None
    moved = next_event(snapshot((execution(**STARTED, output="7"),)), position, log=LogState.COMPLETE)
    assert moved is not None
    assert moved.position.output_digest == digest_of("7")
    ended = position_of(invocation(failed(launches=1)), None)
    over = snapshot((failed(launches=1),), status=InvocationStatus.TERMINATED)
    assert next_event(over, ended, log=LogState.COMPLETE) is not None


def test_the_log_goes_on_where_the_page_ends() -> None:
    assert position_of(invocation(execution(**STARTED)), "7").log_offset == "7"
    assert position_of(invocation(), None).attempt == 0
