"""The order of an invocation's events: whenever a reader looks, and wherever it was cut off, it is told the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.events.positions import Position
from api.events.sequence import Event, LogState, next_event
from api.schemas.events import EndEvent, ProgressEvent, StateEvent
from control_plane_server.catalog.invocation_snapshots import ExecutionSnapshot, InvocationSnapshot
from control_plane_server.domain.entities import (
    ContainerDetails,
    ContainerStatus,
    ContainerType,
    ExecutionOutcome,
    InvocationStatus,
)
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.domain.identifiers import ExecutionId, InvocationId

INVOCATION = InvocationId("inv-" + "0123abcd" * 4)
CONTAINER = ContainerDetails(type=ContainerType.TEST, identifier="w", logs_identifier="w")


class Life:
    """An invocation, and all that could be read of it since it was made. Every change takes a second."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)
        self._invocation = InvocationSnapshot(
            invocation_id=INVOCATION,
            status=InvocationStatus.RUNNING,
            cancellation_request_time=None,
            creation_time=self._now,
            last_update_time=self._now,
            read_time=self._now,
            executions=(),
        )
        self.seen = [self._invocation]

    def tick(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def invocation(self, **changes: object) -> None:
        self._invocation = replace(self._invocation, last_update_time=self._now, **changes)  # type: ignore[arg-type]
        self.seen.append(self._invocation)

    def execution(self, **changes: object) -> None:
        *others, latest = self._invocation.executions
        changed = replace(latest, last_update_time=self._now, **changes)  # type: ignore[arg-type]
        self.invocation(executions=(*others, changed))

    def new_execution(self) -> None:
        now, attempt = self.tick(), len(self._invocation.executions) + 1
        new = ExecutionSnapshot(
            execution_id=ExecutionId(f"exe-{attempt}"),
            attempt=attempt,
            launch=0,
            container_status=ContainerStatus.PENDING,
            container_details=None,
            outcome=None,
            output=None,
            error_message=None,
            creation_time=now,
            launch_time=None,
            execution_start_time=None,
            execution_finish_time=None,
            last_update_time=now,
        )
        self.invocation(executions=(*self._invocation.executions, new))

    def launch(self, number: int = 1, **changes: object) -> None:
        again = {"container_details": None, "execution_start_time": None}
        provisioning = {"container_status": ContainerStatus.PROVISIONING, "launch": number, "launch_time": self.tick()}
        self.execution(**provisioning, **(again if number > 1 else {}), **changes)

    def run(self) -> None:
        self.tick()
        self.execution(container_status=ContainerStatus.RUNNING, container_details=CONTAINER, error_message=None)
        self.execution(execution_start_time=self.tick())

    def update(self, output: str) -> None:
        self.tick()
        self.execution(output=output)

    def finish(self, outcome: ExecutionOutcome, **changes: object) -> None:
        self.execution(outcome=outcome, execution_finish_time=self.tick(), **changes)

    def terminate(self, **changes: object) -> None:
        self.tick()
        self.execution(container_status=ContainerStatus.TERMINATED, **changes)

    def cancel(self) -> None:
        self.invocation(cancellation_request_time=self.tick())

    def end(self) -> None:
        self.tick()
        self.invocation(status=InvocationStatus.TERMINATED)


def a_success() -> Life:
    life = Life()
    life.new_execution()
    life.launch()
    life.run()
    for step in ("1", "2", "2", "3"):
        life.update(step)
    life.finish(ExecutionOutcome.SUCCEEDED, output="done")
    life.terminate()
    life.end()
    return life


def three_attempts() -> Life:
    life = Life()
    for attempt in range(3):
        life.new_execution()
        life.launch()
        life.run()
        life.update(f"progress of {attempt}")
        life.finish(ExecutionOutcome.FAILED, error_message=f"error {attempt}")
        life.terminate()
    life.end()
    return life


def a_cancellation_while_it_runs() -> Life:
    life = Life()
    life.new_execution()
    life.launch()
    life.run()
    life.cancel()
    life.finish(ExecutionOutcome.ABORTED)
    life.terminate()
    life.end()
    return life


def a_cancellation_between_attempts() -> Life:
    life = Life()
    life.new_execution()
    life.launch()
    life.run()
    life.terminate(error_message="The container ended with exit code 1")
    life.cancel()
    life.end()
    return life


def a_cancellation_in_the_queue() -> Life:
    life = Life()
    life.cancel()
    life.end()
    return life


def a_function_that_cannot_be_prepared() -> Life:
    life = Life()
    life.new_execution()
    life.terminate(error_message="There is no such image")
    life.end()
    return life


LIVES = [
    a_success,
    three_attempts,
    a_cancellation_while_it_runs,
    a_cancellation_between_attempts,
    a_cancellation_in_the_queue,
    a_function_that_cannot_be_prepared,
]


class Reader:
    """Reads on from a cursor, and remembers the cursor of each event."""

    def __init__(self, cursor: str | None = None) -> None:
        self._at = Position() if cursor is None else Position.parse(cursor, INVOCATION)
        self.events: list[Event] = []
        self.cursors: list[str] = []

    def look(self, seen: InvocationSnapshot) -> None:
        """Until nothing is new: each time it reads no more than the catalog gives it."""
        while (streamed := next_event(self._readable(seen), self._at, log=LogState.COMPLETE)) is not None:
            self._at = streamed.position
            self.events.append(streamed.event)
            self.cursors.append(streamed.position.to_cursor(INVOCATION))

    def _readable(self, seen: InvocationSnapshot) -> InvocationSnapshot:
        rest = [execution for execution in seen.executions if execution.attempt >= self._at.attempt]
        return replace(seen, executions=tuple(rest[:2]))


def read(lives: Sequence[InvocationSnapshot]) -> Reader:
    reader = Reader()
    for seen in lives:
        reader.look(seen)
    return reader


def without_progress(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, ProgressEvent)]


def progress(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.execution_id, event.output) for event in events if isinstance(event, ProgressEvent)]


@pytest.mark.parametrize("life", [life() for life in LIVES], ids=[life.__name__ for life in LIVES])
def test_wherever_a_reader_is_cut_off_and_whenever_it_goes_on_it_is_told_the_same(life: Life) -> None:
    """Every cut, after every event of every look; every moment at which the reader is back; all looks from then on."""
    whole = read(life.seen)
    assert isinstance(whole.events[-1], EndEvent)
    assert len(set(whole.cursors)) == len(whole.cursors)
    resumed = 0
    for looks in range(1, len(life.seen) + 1):
        before = read(life.seen[:looks])
        for count, cursor in enumerate(before.cursors, 1):
            for back in range(looks - 1, len(life.seen)):
                after = Reader(cursor)
                for seen in life.seen[back:]:
                    after.look(seen)
                streamed = [*before.events[:count], *after.events]
                assert without_progress(streamed) == without_progress(whole.events)
                outputs = progress(streamed)
                assert [one for one in progress(whole.events) if one in outputs] == outputs, "in order, and none twice"
                resumed += 1
    assert resumed >= len(whole.cursors)


def test_a_success_is_told_step_by_step() -> None:
    states = [event for event in read(a_success().seen).events if isinstance(event, StateEvent)]
    assert [(state.worker_status, state.outcome, state.invocation_status) for state in states] == [
        (None, None, "RUNNING"),
        ("PENDING", None, "RUNNING"),
        ("PROVISIONING", None, "RUNNING"),
        ("RUNNING", None, "RUNNING"),
        ("RUNNING", None, "RUNNING"),
        ("RUNNING", "SUCCEEDED", "RUNNING"),
        ("TERMINATED", "SUCCEEDED", "RUNNING"),
        ("TERMINATED", "SUCCEEDED", "TERMINATED"),
    ]
    assert [state.execution_start_time is not None for state in states] == [False] * 4 + [True] * 4
    assert sorted(state.time for state in states) == [state.time for state in states]


def test_progress_is_told_while_it_is_new_and_a_result_at_the_end() -> None:
    life = a_success()
    watching = read(life.seen).events
    assert [output for _, output in progress(watching)] == ["1", "2", "3"]
    late = read(life.seen[-1:]).events
    assert progress(late) == []
    for events in (watching, late):
        assert isinstance(events[-1], EndEvent)
        assert events[-1].output == "done"


def test_the_progress_of_an_attempt_that_failed_is_told_to_late_readers_too() -> None:
    late = read(three_attempts().seen[-1:]).events
    assert progress(late) == [(f"exe-{attempt + 1}", f"progress of {attempt}") for attempt in range(3)]
    for number, event in enumerate(late):
        if isinstance(event, ProgressEvent):
            after = late[number + 1]
            assert isinstance(after, StateEvent)
            assert (after.execution_id, after.outcome) == (event.execution_id, "FAILED")


def test_a_cancellation_is_told_once_where_it_belongs() -> None:
    for events in (read(a_cancellation_while_it_runs().seen), read(a_cancellation_while_it_runs().seen[-1:])):
        flags = [event.cancellation_requested for event in events.events if isinstance(event, StateEvent)]
        assert flags == [False] * 5 + [True] * 4
    at_once = Life()
    at_once.invocation(cancellation_request_time=at_once.seen[0].creation_time)
    at_once.end()
    flags = [event.cancellation_requested for event in read(at_once.seen[1:]).events if isinstance(event, StateEvent)]
    assert flags == [False, True, True]


def test_why_a_container_is_waited_for_is_told_once_and_a_lost_one_is_shown() -> None:
    life = Life()
    life.new_execution()
    life.launch()
    for _ in range(3):
        life.launch(error_message="There is no capacity")  # refused: the next launch, but not the next container
    life.run()
    life.update("of the first")
    life.launch(number=2, error_message="The host was taken back")
    life.run()
    life.terminate(error_message="exit code 1")
    life.end()
    states = [event for event in read(life.seen).events if isinstance(event, StateEvent)]
    assert [(state.worker_status, state.error_message) for state in states] == [
        (None, None),
        ("PENDING", None),
        ("PROVISIONING", None),
        ("PROVISIONING", "There is no capacity"),
        ("RUNNING", None),
        ("RUNNING", None),
        ("PROVISIONING", None),
        ("PROVISIONING", "The host was taken back"),
        ("RUNNING", None),
        ("RUNNING", None),
        ("TERMINATED", "exit code 1"),
        ("TERMINATED", "exit code 1"),
    ]


def test_a_second_container_has_a_log_of_its_own() -> None:
    life = Life()
    life.new_execution()
    life.launch()
    life.run()
    life.launch(number=2)
    life.run()
    reader = read(life.seen[:5])
    at = replace(Position.parse(reader.cursors[-1], INVOCATION), log_offset="100", log_lines=3)
    streamed = next_event(life.seen[-1], at, log=LogState.BEHIND)
    assert streamed is not None
    assert (streamed.position.launch, streamed.position.log_offset, streamed.position.log_lines) == (2, None, 0)


def test_an_outcome_waits_for_what_was_logged_before_it_and_the_end_for_all() -> None:
    life = Life()
    life.new_execution()
    life.launch()
    life.run()
    life.finish(ExecutionOutcome.SUCCEEDED)
    life.terminate()
    at = Position.parse(read(life.seen[:5]).cursors[-1], INVOCATION)
    seen = life.seen[-1]
    assert next_event(seen, at, log=LogState.BEHIND) is None
    finished = next_event(seen, at, log=LogState.CAUGHT_UP)
    assert finished is not None
    assert next_event(seen, finished.position, log=LogState.CAUGHT_UP) is None
    assert next_event(seen, finished.position, log=LogState.COMPLETE) is not None
    life.end()
    still_writing = replace(life.seen[-1], executions=life.seen[5].executions)  # its container is not gone
    assert next_event(still_writing, finished.position, log=LogState.COMPLETE) is None


def test_a_cursor_does_not_grow() -> None:
    life = Life()
    for _ in range(60):
        life.new_execution()
        life.launch()
        life.run()
        life.terminate()
    assert max(map(len, read(life.seen).cursors)) < 40


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "0123abcd.0.0.0.0..0.",
        "0123abcd.0.0.5.0..0.",
        "0123abcd.1.0.0.0..0.",
        "0123abcd.1.0.10.0..0.",
        "0123abcd.1.0.1.2..0.",
        "0123abcd.1.0.1.0.short.0.",
        "0123abcd.1.0.1.0..0.",
        "0123abcd.1.0.1.0..0.x",
        "0123abcd.\u0661.0.1.0..0.",
        "0123abcd.0.0.1.0..0.\n",
        "89abcdef.0.0.1.0..0.",
    ],
)
def test_a_cursor_that_is_not_of_this_invocation_is_refused(cursor: str) -> None:
    with pytest.raises(OffsetIsInvalid):
        Reader(cursor).look(Life().seen[0])
