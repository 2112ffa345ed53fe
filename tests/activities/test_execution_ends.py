"""Ends that come together are recorded together, and a fault of one is a fault of one."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, literal_column, select, text, update

from activities.execution_ends import ExecutionEnd, ExecutionEnds
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, Refused
from control_plane_server.catalog.execution_lifecycle.terminations import TerminatedExecution
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.entities import ExecutionOutcome, InvocationOutcome
from control_plane_server.domain.errors import CatalogIsAway, LaunchIsSuperseded
from control_plane_server.domain.identifiers import FunctionRef, InvocationId, execution_id_for
from environment.settings import PostgresSettings
from tests.catalog.locks import somebody_waits_for_a_lock
from tests.factories import insert_function, insert_invocation, take_slot
from tests.statements import noted_statements


async def run_and_succeed(database: Database, function: FunctionRef, *, count: int) -> list[InvocationId]:
    """Up to the moment when their containers are gone."""
    invocations = [await insert_invocation(database, function) for _ in range(count)]
    for invocation_id in invocations:
        assert isinstance(await take_slot(database, invocation_id), Assignment)
    async with database.statement() as connection:
        await connection.execute(update(ExecutionRow).values(outcome=ExecutionOutcome.SUCCEEDED))
    return invocations


def end_of(invocation_id: InvocationId) -> ExecutionEnd:
    return ExecutionEnd(
        invocation_id=invocation_id,
        execution_id=execution_id_for(invocation_id, 1),
        reason=None,
        allows_retry=False,
        launch=1,
    )


async def record_at_once(
    database: Database, ends: ExecutionEnds, function: FunctionRef, invocations: list[InvocationId]
) -> list["asyncio.Task[TerminatedExecution]"]:
    """The first waits for the function, all others for the first. Once they go on."""
    async with database.transaction() as somebody:
        await somebody.execute(
            select(FunctionRow.function_id).where(FunctionRow.version_id == function.version_id).with_for_update()
        )
        recording = [asyncio.create_task(ends.record(end_of(invocations[0]), function))]
        await somebody_waits_for_a_lock(database)
        recording += [asyncio.create_task(ends.record(end_of(one), function)) for one in invocations[1:]]
        await asyncio.sleep(0)  # each has said what it wants
    return recording


async def test_those_that_come_while_one_is_recorded_are_recorded_together(database: Database) -> None:
    function = await insert_function(database, max_concurrency=6)
    invocations = await run_and_succeed(database, function, count=6)
    waiting = [await insert_invocation(database, function) for _ in range(8)]
    for invocation_id in waiting:
        assert isinstance(await take_slot(database, invocation_id), Refused)
    recording = await record_at_once(database, ExecutionEnds(database), function, invocations)
    recorded = await asyncio.gather(*recording)
    assert all(one.is_new and one.invocation_ended for one in recorded)
    assert sorted(grant.invocation_id for one in recorded for grant in one.grants) == sorted(waiting[:6])
    assert all(len(one.grants) == 1 for one in recorded)  # each tells one
    async with database.statement() as connection:
        together = await connection.execute(
            select(func.count())
            .where(ExecutionRow.invocation_id.in_(invocations))
            .group_by(literal_column("executions.xmin::text"))
        )
    assert sorted(together.scalars()) == [1, 5]


async def test_what_comes_together_is_read_by_one_statement(database: Database) -> None:
    function = await insert_function(database, max_concurrency=6)
    invocations = await run_and_succeed(database, function, count=6)
    recording = await record_at_once(database, ExecutionEnds(database), function, invocations)
    with noted_statements() as statements:
        await asyncio.gather(*recording)
    reads = [one for one, _ in statements if "FOR NO KEY UPDATE OF functions, invocations, executions" in one]
    assert len(reads) == 1  # that of the first one was on its way


async def test_an_end_that_is_told_twice_at_once_is_recorded_once(database: Database) -> None:
    function = await insert_function(database, max_concurrency=3)
    first, second, third = await run_and_succeed(database, function, count=3)
    told = [first, second, third, second]
    recorded = await asyncio.gather(*await record_at_once(database, ExecutionEnds(database), function, told))
    assert [one.is_new for one in recorded] == [True, True, True, False]
    assert all(one.outcome is ExecutionOutcome.SUCCEEDED and one.invocation_ended for one in recorded)


async def test_a_child_that_ends_with_its_cancelled_parent_is_cancelled(database: Database) -> None:
    """The parent's end cancels what it has called; the child's, which comes after it, is decided by that."""
    function = await insert_function(database, max_concurrency=3)
    first, *family = await run_and_succeed(database, function, count=3)
    parent, child = sorted(family)
    async with database.statement() as connection:
        of_child = {"child": child, "parent": parent}
        await connection.execute(update(ExecutionRow).values(outcome=ExecutionOutcome.FAILED))
        for change in (
            "UPDATE invocations SET parent_invocation_id = :parent WHERE invocation_id = :child",
            "UPDATE invocations SET cancellation_request_time = now() WHERE invocation_id = :parent",
        ):
            await connection.execute(text(change), of_child)
    recorded = await asyncio.gather(
        *await record_at_once(database, ExecutionEnds(database), function, [first, parent, child])
    )
    assert [one.was_stopped for one in recorded] == [False, True, True]
    async with database.statement() as connection:
        outcome = await connection.scalar(select(InvocationRow.outcome).where(InvocationRow.invocation_id == child))
    assert outcome == InvocationOutcome.CANCELLED


async def test_a_row_that_is_locked_spoils_its_own_end_alone(
    database: Database, postgres_settings: PostgresSettings
) -> None:
    function = await insert_function(database, max_concurrency=4)
    first, locked, *others = await run_and_succeed(database, function, count=4)
    ours = Database(postgres_settings.url, lock_limit=timedelta(seconds=0.5))
    ends = ExecutionEnds(ours)
    async with database.transaction() as somebody:
        await somebody.execute(
            text("SELECT FROM invocations WHERE invocation_id = :locked FOR UPDATE"), {"locked": locked}
        )
        recording = await record_at_once(database, ends, function, [first, locked, *others])
        with pytest.raises(CatalogIsAway, match="lock timeout"):
            await recording[1]
        for index in (0, 2, 3):
            assert (await recording[index]).is_new
    assert (await ends.record(end_of(locked), function)).is_new
    await ours.close()


async def test_an_end_of_a_launch_that_was_overtaken_is_told_so_and_the_others_are_recorded(
    database: Database,
) -> None:
    function = await insert_function(database, max_concurrency=3)
    invocations = await run_and_succeed(database, function, count=3)
    async with database.statement() as connection:
        await connection.execute(
            update(ExecutionRow).where(ExecutionRow.invocation_id == invocations[1]).values(launches=2)
        )
    recording = await record_at_once(database, ExecutionEnds(database), function, invocations)
    with pytest.raises(LaunchIsSuperseded):
        await recording[1]
    assert (await recording[0]).is_new
    assert (await recording[2]).is_new


async def test_whoever_is_cancelled_leaves_the_others_their_ends(database: Database) -> None:
    function = await insert_function(database, max_concurrency=3)
    invocations = await run_and_succeed(database, function, count=3)
    ends = ExecutionEnds(database)
    async with database.transaction() as somebody:
        await somebody.execute(
            select(FunctionRow.function_id).where(FunctionRow.version_id == function.version_id).with_for_update()
        )
        recording = [asyncio.create_task(ends.record(end_of(one), function)) for one in invocations]
        await somebody_waits_for_a_lock(database)
        recording[0].cancel()  # the one for whom the others wait
        recording[1].cancel()
    assert (await recording[2]).is_new
    again = await ends.record(end_of(invocations[0]), function)
    assert not again.is_new
    assert again.invocation_ended
