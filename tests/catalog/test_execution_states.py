"""Every event in every state of an execution: what the table says happens, and nothing else does."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.attempt_timeouts import AttemptTimeoutRepository
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.claims import ClaimRepository
from control_plane_server.catalog.execution_lifecycle.launches import LaunchRepository
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository, FinalReport
from control_plane_server.catalog.execution_lifecycle.slots import Grant, SlotQueue
from control_plane_server.catalog.execution_lifecycle.states import (
    LATE_REPORTS,
    REPORTS,
    TRANSITIONS,
    Event,
    Report,
    ReportEvent,
    State,
)
from control_plane_server.catalog.execution_lifecycle.stops import StopRepository
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.paths import ExecutionPath, FunctionPath, InvocationPath
from control_plane_server.catalog.reconciliation.recorded_terminations import RecordedTerminationRepository
from control_plane_server.catalog.tables import ExecutionRow, WaitingExecutionRow
from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import ContainerDetails, ContainerStatus, ContainerType, ExecutionOutcome
from control_plane_server.domain.errors import Conflict, ExecutionIsForgotten
from control_plane_server.domain.identifiers import BatchId, FunctionRef, InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.factories import insert_function, insert_invocation

NEXT = {(state, transition.event): transition.next for transition in TRANSITIONS for state in transition.states}
# Whoever waits finds no slot free, and one that was granted is its owner's.
IMPOSSIBLE = {(State.QUEUED, Event.TAKE_FREE_SLOT), (State.GRANTED, Event.TAKE_PLACE)}

EARLIER = {
    Report.NOT_STARTED: (),
    Report.STARTED: (ReportEvent.START,),
    Report.FINISHED: (ReportEvent.START, ReportEvent.FINISH),
}
_BATCH = BatchId("bat-of-one")


class Life:
    """One execution of a function with one slot, which another invocation may hold. Its invocation is a batch by
    itself."""

    def __init__(self, database: Database, function: FunctionRef, invocation_id: InvocationId) -> None:
        self._database = database
        self._function = function
        self._invocation_id = invocation_id
        self._execution_id = execution_id_for(invocation_id, 1)
        self._holder: InvocationId | None = None
        self.events: dict[Event, Callable[[], Awaitable[object]]] = {
            Event.TAKE_FREE_SLOT: self._take,
            Event.TAKE_PLACE: self._take_place,
            Event.GRANT: self._grant,
            Event.CLAIM: self._claim,
            Event.RECORD_CONTAINER: self._record_container,
            Event.BEGIN_NEXT_LAUNCH: self._begin_next_launch,
            Event.STOP: self._stop,
            Event.TIME_OUT_ATTEMPT: self._time_out_attempt,
            Event.TERMINATE_EXECUTION: self._terminate_execution,
            Event.TERMINATE_INVOCATION: self._terminate_invocation,
            Event.END_UNSTARTED: self._end_unstarted,
            Event.REVOKE_GRANT: self._revoke_grant,
            Event.TERMINATE_UNSTARTABLE: self._terminate_unstartable,
            Event.RECORD_TERMINATION: self._record_termination,
        }
        take, place, stop = Event.TAKE_FREE_SLOT, Event.TAKE_PLACE, Event.STOP
        self._ways: dict[State, tuple[Event, ...]] = {
            State.ABSENT: (),
            State.QUEUED: (place,),
            State.GRANTED: (place, Event.GRANT),
            State.LAUNCHING: (take,),
            State.RUNNING: (take, Event.RECORD_CONTAINER),
            State.REFUSED: (place, Event.GRANT, stop),
            State.STOPPING: (take, stop),
            State.TERMINATED: (take, Event.TERMINATE_EXECUTION),
        }

    @classmethod
    async def begin(cls, database: Database) -> "Life":
        function = await insert_function(database)
        return cls(database, function, await insert_invocation(database, function, batch_id=_BATCH))

    @property
    def path(self) -> ExecutionPath:
        return ExecutionPath(
            invocation=InvocationPath(
                function=FunctionPath(
                    project_name=self._function.project_name,
                    version_ref=self._function.version_id,
                    function_name=self._function.function_name,
                ),
                invocation_id=self._invocation_id,
            ),
            execution_id=self._execution_id,
        )

    async def go_to(self, state: State) -> None:
        for event in self._ways[state]:
            await self.events[event]()
        assert await self.state() is state

    async def state(self) -> State:
        """What `State` says of the columns."""
        async with self._database.statement() as connection:
            found = await connection.execute(
                select(
                    ExecutionRow.container_status.label("status"),
                    ExecutionRow.claim_time,
                    ExecutionRow.termination_signal_time,
                ).where(ExecutionRow.execution_id == self._execution_id)
            )
            row = found.one_or_none()
            place = await connection.scalar(
                select(WaitingExecutionRow.execution_id).where(WaitingExecutionRow.execution_id == self._execution_id)
            )
        if row is None:
            return State.ABSENT if place is None else State.QUEUED
        assert place is None
        if row.status == ContainerStatus.TERMINATED:
            return State.TERMINATED
        if row.claim_time is None:
            return State.GRANTED if row.termination_signal_time is None else State.REFUSED
        if row.termination_signal_time is not None:
            return State.STOPPING
        return State.RUNNING if row.status == ContainerStatus.RUNNING else State.LAUNCHING

    async def _time_out_attempt(self) -> None:
        async with self._database.statement() as connection:
            await connection.execute(
                update(ExecutionRow)
                .where(
                    ExecutionRow.execution_id == self._execution_id,
                    ExecutionRow.container_status == ContainerStatus.RUNNING,
                )
                .values(execution_start_time=func.clock_timestamp())
            )
            await AttemptTimeoutRepository(connection).time_out(self._execution_id, after=timedelta())

    async def report(self, event: ReportEvent) -> None:
        async with self._database.statement() as connection:
            repository = ExecutionRepository(connection)
            match event:
                case ReportEvent.START:
                    await repository.start(self.path)
                case ReportEvent.UPDATE:
                    await repository.update(self.path, latest_output="1")
                case ReportEvent.FINISH:
                    await repository.finish(self.path, FinalReport(outcome=ExecutionOutcome.SUCCEEDED, output="2"))

    async def finish_launch(self, launch: int) -> None:
        said = FinalReport(outcome=ExecutionOutcome.SUCCEEDED, output="2")
        async with self._database.statement() as connection:
            await ExecutionRepository(connection).finish_launch(self._execution_id, launch, said)

    async def reported(self) -> Report:
        async with self._database.statement() as connection:
            execution = (await ExecutionRepository(connection).get(self.path)).execution
        if execution.execution_start_time is None:
            return Report.NOT_STARTED
        return Report.STARTED if execution.execution_finish_time is None else Report.FINISHED

    async def _take(self) -> None:
        async with self._database.transaction() as connection:
            await SlotQueue(connection).take(
                invocation_id=self._invocation_id, execution_id=self._execution_id, attempt=1
            )

    async def _take_place(self) -> None:
        """While another invocation has the only slot, unless this one holds it."""
        self._holder = await insert_invocation(self._database, self._function)
        async with self._database.transaction() as connection:
            await SlotQueue(connection).take(
                invocation_id=self._holder, execution_id=execution_id_for(self._holder, 1), attempt=1
            )
        await self._take()

    async def _grant(self) -> None:
        """Whatever else holds a slot lets go of it."""
        async with self._database.transaction() as connection:
            await connection.execute(
                update(ExecutionRow)
                .where(ExecutionRow.invocation_id == self._holder)
                .values(container_status=ContainerStatus.TERMINATED)
            )
            slots = SlotQueue(connection)
            owner = await slots.lock_owner_of(self._invocation_id)
            assert owner is not None
            await slots.grant_free_slots(owner)

    async def _claim(self) -> None:
        async with self._database.statement() as connection:
            await ClaimRepository(connection).claim(self._execution_id)

    async def _record_container(self) -> None:
        container = Container(
            name=ContainerName(execution_id=self._execution_id, launch=1),
            details=ContainerDetails(type=ContainerType.TEST, identifier="container", logs_identifier="log"),
        )
        async with self._database.statement() as connection:
            await LaunchRepository(connection).record_container(container)

    async def _begin_next_launch(self) -> None:
        lost = ContainerName(execution_id=self._execution_id, launch=1)
        async with self._database.statement() as connection:
            await LaunchRepository(connection).begin_another(lost, reason="lost")

    async def _stop(self) -> None:
        async with self._database.transaction() as connection:
            await StopRepository(connection).stop_invocation(self._invocation_id, reason=StopReason.CANCELLED)

    async def _terminate_execution(self) -> None:
        try:
            async with self._database.transaction() as connection:
                await TerminationRepository(connection).terminate_execution(
                    invocation_id=self._invocation_id,
                    execution_id=self._execution_id,
                    reason="gone",
                    allows_retry=True,
                )
        except ExecutionIsForgotten:  # it has no row, and its invocation runs
            assert await self.state() in (State.ABSENT, State.QUEUED)

    async def _terminate_invocation(self) -> None:
        async with self._database.transaction() as connection:
            await TerminationRepository(connection).terminate_invocation(
                self._invocation_id, reason=StopReason.CANCELLED
            )

    async def _end_unstarted(self) -> None:
        async with self._database.transaction() as connection:
            await BatchEndRepository(connection).end_unstarted(_BATCH, reason=StopReason.TIMED_OUT, at_most=10)

    async def _revoke_grant(self) -> None:
        grant = Grant(invocation_id=self._invocation_id, execution_id=self._execution_id)
        async with self._database.transaction() as connection:
            await TerminationRepository(connection).revoke_grant(grant)

    async def _terminate_unstartable(self) -> None:
        async with self._database.transaction() as connection:
            await RecordedTerminationRepository(connection).terminate_unstartable(self._invocation_id, reason="no")

    async def _record_termination(self) -> None:
        async with self._database.transaction() as connection:
            await RecordedTerminationRepository(connection).record_termination(
                self._invocation_id, attempt=1, outcome=ExecutionOutcome.SUCCEEDED, error_message="restored"
            )


def test_the_table_says_one_thing_of_each_event_in_a_state() -> None:
    assert len(NEXT) == sum(len(transition.states) for transition in TRANSITIONS)
    assert {transition.event for transition in TRANSITIONS} == set(Event)


@pytest.mark.parametrize("event", Event, ids=lambda event: event.name.lower())
@pytest.mark.parametrize("state", State, ids=lambda state: state.lower())
async def test_an_event_does_what_the_table_says_and_no_more_the_second_time(
    database: Database, state: State, event: Event
) -> None:
    if (state, event) in IMPOSSIBLE:
        assert (state, event) not in NEXT
        return
    life = await Life.begin(database)
    await life.go_to(state)
    await life.events[event]()
    moved = await life.state()
    assert moved is NEXT.get((state, event), state)
    await life.events[event]()
    assert await life.state() is NEXT.get((moved, event), moved)


@pytest.mark.parametrize("is_late", [False, True], ids=["live", "terminated"])
@pytest.mark.parametrize("event", ReportEvent, ids=str)
@pytest.mark.parametrize("report", Report, ids=lambda report: report.lower())
async def test_a_report_is_taken_or_refused_as_the_table_says(
    database: Database, report: Report, event: ReportEvent, *, is_late: bool
) -> None:
    life = await Life.begin(database)
    await life.go_to(State.RUNNING)
    for earlier in EARLIER[report]:
        await life.report(earlier)
    if is_late:
        await life.events[Event.TERMINATE_EXECUTION]()
    expected: Report | type[Conflict] = LATE_REPORTS[report, event] if is_late else REPORTS[report, event]
    if isinstance(expected, Report):
        await life.report(event)
        assert await life.reported() is expected
        return
    with pytest.raises(expected):
        await life.report(event)
    assert await life.reported() is report


@pytest.mark.parametrize("launch", [1, 2])
@pytest.mark.parametrize("is_late", [False, True], ids=["live", "terminated"])
@pytest.mark.parametrize("report", Report, ids=lambda report: report.lower())
async def test_a_launch_that_is_under_way_is_finished_and_no_other(
    database: Database, report: Report, launch: int, *, is_late: bool
) -> None:
    life = await Life.begin(database)
    await life.go_to(State.RUNNING)
    for earlier in EARLIER[report]:
        await life.report(earlier)
    if is_late:
        await life.events[Event.TERMINATE_EXECUTION]()
    for _ in range(2):
        await life.finish_launch(launch)
    is_under_way = report is Report.STARTED and not is_late and launch == 1
    assert await life.reported() is (Report.FINISHED if is_under_way else report)


async def test_the_next_container_reports_from_the_beginning(database: Database) -> None:
    life = await Life.begin(database)
    await life.go_to(State.RUNNING)
    await life.report(ReportEvent.START)
    await life.events[Event.BEGIN_NEXT_LAUNCH]()
    assert await life.reported() is Report.NOT_STARTED
