"""What is noted of an execution's containers, and when no further one may be launched."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.launches import Launch, LaunchRepository
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository, FinalReport
from control_plane_server.catalog.execution_lifecycle.slots import Assignment
from control_plane_server.catalog.execution_lifecycle.stops import StopRepository
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.paths import ExecutionPath, FunctionPath, InvocationPath
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow, VersionRow
from control_plane_server.domain.containers import Container, ContainerName
from control_plane_server.domain.entities import ContainerDetails, ContainerType, Execution, ExecutionOutcome
from control_plane_server.domain.errors import LaunchIsSuperseded
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.factories import FUNCTION_NAME, insert_function, insert_invocation, take_slot

DETAILS = ContainerDetails(type=ContainerType.TEST, identifier="container", logs_identifier="log")


@pytest.fixture
async def invocation(database: Database) -> InvocationId:
    """With an execution that has its slot and its first launch noted."""
    invocation_id = await insert_invocation(database, await insert_function(database))
    await assignment(database, invocation_id)
    return invocation_id


async def assignment(database: Database, invocation_id: InvocationId) -> Assignment:
    taken = await take_slot(database, invocation_id)
    assert isinstance(taken, Assignment)
    return taken


def container_of(invocation_id: InvocationId, *, launch: int = 1) -> Container:
    name = ContainerName(execution_id=execution_id_for(invocation_id, 1), launch=launch)
    return Container(name=name, details=DETAILS)


async def record(database: Database, container: Container) -> bool:
    async with database.statement() as connection:
        return await LaunchRepository(connection).record_container(container)


async def begin_another(database: Database, lost: Container) -> int | None:
    async with database.statement() as connection:
        launch = await LaunchRepository(connection).begin_another(lost.name, reason="Spot")
    return None if launch is None else launch.number


async def test_a_recorded_container_is_found_by_the_next_try(database: Database, invocation: InvocationId) -> None:
    assert await record(database, container_of(invocation))
    assert (await assignment(database, invocation)).container == DETAILS


async def test_a_container_of_a_stopped_execution_is_recorded_and_must_not_run(
    database: Database, invocation: InvocationId
) -> None:
    async with database.transaction() as connection:
        await StopRepository(connection).stop_invocation(invocation, reason=StopReason.CANCELLED)
    assert not await record(database, container_of(invocation))
    taken = await assignment(database, invocation)
    assert (taken.container, taken.is_stopped) == (DETAILS, True)


async def test_a_container_that_comes_after_the_end_must_not_run(database: Database, invocation: InvocationId) -> None:
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(invocation, reason=StopReason.CANCELLED)
    assert not await record(database, container_of(invocation))


async def test_a_lost_container_is_replaced_once_whoever_asks(database: Database, invocation: InvocationId) -> None:
    lost = container_of(invocation)
    await record(database, lost)
    launches = await asyncio.gather(*(begin_another(database, lost) for _ in range(5)))
    assert launches == [2] * 5
    taken = await assignment(database, invocation)
    assert (taken.launch.number, taken.container) == (2, None)
    assert not await record(database, lost), "the launch was given up"
    assert await record(database, container_of(invocation, launch=2))


async def test_nothing_is_launched_again_after_an_outcome(database: Database, invocation: InvocationId) -> None:
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(outcome=ExecutionOutcome.SUCCEEDED))
    assert await begin_another(database, container_of(invocation)) is None


async def test_nothing_is_launched_again_after_a_stop(database: Database, invocation: InvocationId) -> None:
    async with database.transaction() as connection:
        await StopRepository(connection).stop_invocation(invocation, reason=StopReason.CANCELLED)
    assert await begin_another(database, container_of(invocation)) is None


async def test_an_abort_that_we_did_not_ask_for_does_not_keep_a_lost_container_from_being_replaced(
    database: Database, invocation: InvocationId
) -> None:
    lost = container_of(invocation)
    await record(database, lost)
    await report(database, invocation, "start")
    await report(database, invocation, "abort")
    execution = await execution_of(database, invocation)
    assert (execution.outcome, execution.execution_finish_time is None) == (None, False)
    assert await begin_another(database, lost) == 2
    assert (await execution_of(database, invocation)).execution_finish_time is None
    await report(database, invocation, "start")


async def test_an_abort_that_we_asked_for_counts_at_once(database: Database, invocation: InvocationId) -> None:
    await record(database, container_of(invocation))
    await report(database, invocation, "start")
    async with database.transaction() as connection:
        await StopRepository(connection).stop_invocation(invocation, reason=StopReason.CANCELLED)
    await report(database, invocation, "abort")
    assert (await execution_of(database, invocation)).outcome is ExecutionOutcome.ABORTED


async def test_an_abort_is_the_outcome_once_the_container_is_gone_by_itself(
    database: Database, invocation: InvocationId
) -> None:
    await record(database, container_of(invocation))
    await report(database, invocation, "start")
    await report(database, invocation, "abort")
    async with database.transaction() as connection:
        closed = await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation,
            execution_id=execution_id_for(invocation, 1),
            reason="exit code 1",
            allows_retry=True,
        )
    assert (closed.outcome, closed.invocation_ended, closed.error_message) == (ExecutionOutcome.ABORTED, True, None)
    assert (await execution_of(database, invocation)).outcome is ExecutionOutcome.ABORTED


async def test_a_refused_launch_started_no_container_and_says_what_is_waited_for(
    database: Database, invocation: InvocationId
) -> None:
    for launch in (1, 2):
        name = container_of(invocation, launch=launch).name
        async with database.statement() as connection:
            repository = LaunchRepository(connection)
            first, again = [
                await repository.begin_another(name, reason="no capacity", was_refused=True) for _ in range(2)
            ]
        assert first is not None
        assert again is not None
        assert (first.number, first.is_new) == (launch + 1, True)
        assert (again.number, again.is_new) == (launch + 1, False), "another process was faster"
    waiting = await execution_of(database, invocation)
    assert (waiting.launches, waiting.error_message) == (0, "no capacity")
    assert (await assignment(database, invocation)).waits_for == "no capacity"
    await record(database, container_of(invocation, launch=3))
    launched = await execution_of(database, invocation)
    assert (launched.launches, launched.error_message) == (1, None)


async def test_a_container_that_started_counts_though_nobody_noted_where_it_is(
    database: Database, invocation: InvocationId
) -> None:
    assert (await execution_of(database, invocation)).launches == 0
    await report(database, invocation, "start")
    started = await execution_of(database, invocation)
    assert (started.launches, started.container_details) == (1, None)


async def test_the_end_of_a_launch_that_was_given_up_is_not_the_executions_end(
    database: Database, invocation: InvocationId
) -> None:
    lost = container_of(invocation)
    await record(database, lost)
    await begin_another(database, lost)
    for launch in (1, 2):
        async with database.transaction() as connection:
            closing = TerminationRepository(connection).terminate_execution(
                invocation_id=invocation,
                execution_id=execution_id_for(invocation, 1),
                reason="gone",
                allows_retry=True,
                launch=launch,
            )
            if launch == 1:
                with pytest.raises(LaunchIsSuperseded):
                    await closing
            else:
                await closing
    assert (await execution_of(database, invocation)).error_message == "gone"


async def test_what_a_quick_container_said_is_not_forgotten(database: Database, invocation: InvocationId) -> None:
    await report(database, invocation, "start")
    await report(database, invocation, "fail")
    await record(database, container_of(invocation))
    assert (await execution_of(database, invocation)).error_message == "ValueError: no"


async def test_what_a_stopped_execution_waited_for_stays(database: Database, invocation: InvocationId) -> None:
    async with database.statement() as connection:
        name = container_of(invocation).name
        await LaunchRepository(connection).begin_another(name, reason="no capacity", was_refused=True)
    async with database.transaction() as connection:
        await StopRepository(connection).stop_invocation(invocation, reason=StopReason.TIMED_OUT)
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation, execution_id=execution_id_for(invocation, 1), reason=None, allows_retry=True
        )
    assert (await execution_of(database, invocation)).error_message == "no capacity"


async def report(database: Database, invocation_id: InvocationId, word: str) -> None:
    """As the container does through the API."""
    path = await path_of(database, invocation_id)
    async with database.statement() as connection:
        repository = ExecutionRepository(connection)
        match word:
            case "start":
                await repository.start(path)
            case "abort":
                await repository.finish(path, FinalReport(outcome=ExecutionOutcome.ABORTED))
            case "fail":
                await repository.finish(
                    path, FinalReport(outcome=ExecutionOutcome.FAILED, error_message="ValueError: no")
                )


async def execution_of(database: Database, invocation_id: InvocationId) -> Execution:
    path = await path_of(database, invocation_id)
    async with database.statement() as connection:
        return (await ExecutionRepository(connection).get(path)).execution


async def path_of(database: Database, invocation_id: InvocationId) -> ExecutionPath:
    async with database.statement() as connection:
        row = (
            await connection.execute(
                select(VersionRow.project_name, VersionRow.version_id)
                .join(FunctionRow, FunctionRow.version_id == VersionRow.version_id)
                .join(InvocationRow, InvocationRow.function_id == FunctionRow.function_id)
                .where(InvocationRow.invocation_id == invocation_id)
            )
        ).one()
    function = FunctionPath(project_name=row.project_name, version_ref=row.version_id, function_name=FUNCTION_NAME)
    return ExecutionPath(
        invocation=InvocationPath(function=function, invocation_id=invocation_id),
        execution_id=execution_id_for(invocation_id, 1),
    )


async def begin_after(database: Database, invocation_id: InvocationId, launch: int, *, was_refused: bool) -> Launch:
    """What became of the launch before it stands in `was_refused`."""
    async with database.statement() as connection:
        begun = await LaunchRepository(connection).begin_another(
            container_of(invocation_id, launch=launch - 1).name, reason="gone", was_refused=was_refused
        )
    assert begun is not None
    taken = (await assignment(database, invocation_id)).launch
    assert (taken.interruptions, taken.without_capacity) == (begun.interruptions, begun.without_capacity)
    return begun


async def test_a_launch_knows_how_often_and_for_how_long_others_failed_before_it(
    database: Database, invocation: InvocationId
) -> None:
    first = (await assignment(database, invocation)).launch
    assert (first.interruptions, first.without_capacity) == (0, timedelta())
    second = await begin_after(database, invocation, 2, was_refused=False)
    assert (second.interruptions, second.without_capacity) == (1, timedelta())
    async with database.statement() as connection:
        await connection.execute(
            update(ExecutionRow).values(launch_time=ExecutionRow.launch_time - timedelta(minutes=2))
        )
    third = await begin_after(database, invocation, 3, was_refused=True)
    assert third.interruptions == 1
    assert timedelta(minutes=2) <= third.without_capacity < timedelta(minutes=3)
    fourth = await begin_after(database, invocation, 4, was_refused=True)
    assert third.without_capacity < fourth.without_capacity, "since the first that was refused"
    fifth = await begin_after(database, invocation, 5, was_refused=False)
    assert (fifth.interruptions, fifth.without_capacity) == (2, timedelta()), "that one had a container"


async def test_a_new_launch_has_no_output_of_the_one_before(database: Database, invocation: InvocationId) -> None:
    lost = container_of(invocation)
    await record(database, lost)
    async with database.transaction() as connection:
        await connection.execute(update(ExecutionRow).values(output_blob_id="blb-1"))
    assert await begin_another(database, lost) == 2
    async with database.statement() as connection:
        assert await connection.scalar(select(ExecutionRow.output_blob_id)) is None


async def test_how_long_earlier_containers_ran_is_not_known_if_that_of_one_is_not(
    database: Database, invocation: InvocationId
) -> None:
    async def earlier_ms() -> int | None:
        async with database.statement() as connection:
            return await connection.scalar(select(ExecutionRow.earlier_launches_ms))

    await assignment(database, invocation)
    await begin_after(database, invocation, 2, was_refused=False)
    assert await earlier_ms() is not None
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(earlier_launches_ms=None))  # as by a release before
    await begin_after(database, invocation, 3, was_refused=False)
    assert await earlier_ms() is None


async def test_failed_starts_are_counted_until_a_container_has_run(
    database: Database, invocation: InvocationId
) -> None:
    became = [
        ({"failed_to_start": True}, 1),
        ({"failed_to_start": True}, 2),
        ({"was_refused": True}, 2),
        ({"failed_to_start": True}, 3),
        ({}, 0),
        ({"failed_to_start": True}, 1),
    ]
    for launch, (what, count) in enumerate(became, start=1):
        async with database.statement() as connection:
            name = container_of(invocation, launch=launch).name
            begun = await LaunchRepository(connection).begin_another(name, reason="gone", **what)
        assert begun is not None
        assert begun.failed_starts == count
        assert (await assignment(database, invocation)).launch.failed_starts == count
