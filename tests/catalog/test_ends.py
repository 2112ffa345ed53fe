"""What is stored with an end is the same, however an invocation ends, as what is worked out where nothing is stored."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, text, update

from control_plane_server.catalog.batches import BatchRepository, NewBatch
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.ends import KNOWN_END
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.execution_lifecycle.slots import Assignment, Refused
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.invocation_summaries import with_parent
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.reconciliation.recorded_terminations import RecordedTerminationRepository
from control_plane_server.catalog.tables import ExecutionRow, FunctionRow, InvocationRow
from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.identifiers import FunctionRef, InvocationId, drawn_from, execution_id_for
from control_plane_server.domain.messages import StopReason
from control_plane_server.domain.specs import ExecutionSpec
from tests.factories import insert_function, insert_invocation, take_slot
from workflows.policies import backoff_after, retry_policy_of

STORED = ("outcome", "error_message", "attempts", "queued_ms", "starting_ms", "running_ms")
# Two statements of one end read the clock apart.
_TOLERANCE = 1_000


async def end(database: Database, invocation_id: InvocationId, *, attempt: int = 1, allows_retry: bool = False) -> None:
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_execution(
            invocation_id=invocation_id,
            execution_id=execution_id_for(invocation_id, attempt),
            reason="the container is gone",
            allows_retry=allows_retry,
        )


async def shift(database: Database, seconds: float) -> None:
    """All that has happened was so much earlier."""
    async with database.statement() as connection:
        for table, columns in (
            ("invocations", ("creation_time", "last_update_time")),
            ("executions", ("creation_time", "last_update_time", "execution_start_time", "execution_finish_time")),
            ("waiting_executions", ("invocation_creation_time",)),
        ):
            earlier = ", ".join(f"{column} = {column} - interval '{seconds} s'" for column in columns)
            await connection.execute(text(f"UPDATE {table} SET {earlier}"))


async def change(database: Database, invocation_id: InvocationId, attempt: int, values: str) -> None:
    async with database.statement() as connection:
        await connection.execute(
            text(f"UPDATE executions SET {values} WHERE execution_id = :id"),
            {"id": execution_id_for(invocation_id, attempt)},
        )


async def stored(database: Database, invocation_id: InvocationId) -> tuple[object, ...]:
    """With # for seconds in texts. And it is what is worked out, as for what an earlier release has ended."""
    columns = [InvocationRow.__table__.c[name] for name in STORED]
    async with database.transaction() as connection:
        found = (await connection.execute(select(*columns).where(InvocationRow.invocation_id == invocation_id))).one()
        await connection.execute(text(f"UPDATE invocations SET {', '.join(f'{name} = NULL' for name in STORED)}"))
        known = await connection.execute(
            with_parent(
                select(*KNOWN_END)
                .select_from(InvocationRow)
                .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
            ).where(InvocationRow.invocation_id == invocation_id)
        )
        _assert_alike(tuple(found)[1:], tuple(known.one()))
        await connection.rollback()
    return tuple(re.sub(r"\d+(\.\d)? s", "# s", value) if isinstance(value, str) else value for value in found)


def _assert_alike(found: Sequence[Any], known: Sequence[Any]) -> None:
    assert known[0] == found[0]
    assert known[1] == found[1]
    assert known[2:] == pytest.approx(found[2:], abs=_TOLERANCE)


def roughly(seconds: float) -> object:
    """In milliseconds; a machine that has other work too takes longer."""
    return pytest.approx(seconds * 1000 + 2_400, abs=2_600)


async def test_the_sums_are_those_of_all_attempts(database: Database) -> None:
    function = await insert_function(database, max_retries=1)
    invocation = await insert_invocation(database, function)
    await shift(database, 3)
    assert isinstance(await take_slot(database, invocation), Assignment)
    await shift(database, 5)
    await change(database, invocation, 1, "execution_start_time = clock_timestamp() - interval '2 s'")
    await end(database, invocation, allows_retry=True)
    await shift(database, 11)  # of which one was the back-off
    assert isinstance(await take_slot(database, invocation, attempt=2), Assignment)
    await shift(database, 4)
    await change(
        database,
        invocation,
        2,
        "execution_start_time = creation_time + interval '1 s', execution_finish_time = clock_timestamp(),"
        " outcome = 'FAILED', error_message = E'\\n ValueError: no \\nfurther lines'",
    )
    await end(database, invocation, attempt=2)
    assert await stored(database, invocation) == (
        "FAILED",
        "ValueError: no",
        2,
        roughly(3 + 10),
        roughly(3 + 1),
        roughly(2 + 3),
    )


async def test_the_wait_of_who_was_granted_a_slot_is_known(database: Database) -> None:
    function = await insert_function(database)
    first, second = [await insert_invocation(database, function) for _ in range(2)]
    await take_slot(database, first)
    assert isinstance(await take_slot(database, second), Refused)
    await shift(database, 7)
    await end(database, first)
    async with database.statement() as connection:
        queued = await connection.scalar(select(ExecutionRow.queued_ms).where(ExecutionRow.invocation_id == second))
    assert queued == roughly(7)


async def test_a_time_out_in_the_queue_says_what_it_waited_for(database: Database) -> None:
    function = await insert_function(database, max_concurrency=2)
    invocation = await insert_invocation(database, function)
    await shift(database, 10)
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(invocation, reason=StopReason.TIMED_OUT)
    assert await stored(database, invocation) == (
        "TIMED_OUT",
        "timed out after # s, # s of it in the queue: max_concurrency 2",
        0,
        roughly(10),
        0,
        0,
    )


async def test_a_time_out_says_what_went_wrong_before(database: Database) -> None:
    """Stopped during the back-off, which counts as no wait."""
    function = await insert_function(database, is_ready=False, max_retries=9)
    async with database.statement() as connection:
        await connection.execute(text("UPDATE functions SET status = 'READY', retry_initial_interval_seconds = 3600"))
    invocation = await insert_invocation(database, function)
    await take_slot(database, invocation)
    await shift(database, 4)
    await end(database, invocation, allows_retry=True)
    await shift(database, 4)
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(invocation, reason=StopReason.TIMED_OUT)
    assert await stored(database, invocation) == (
        "TIMED_OUT",
        "timed out after # s, # s of it starting; the container is gone",
        1,
        roughly(0),
        roughly(4),
        0,
    )


async def test_a_granted_slot_that_is_given_back_was_waited_for(database: Database) -> None:
    function = await insert_function(database)
    first, second = [await insert_invocation(database, function) for _ in range(2)]
    await take_slot(database, first)
    await take_slot(database, second)
    await shift(database, 5)
    await end(database, first)
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(second, reason=StopReason.CANCELLED)
    assert await stored(database, second) == ("CANCELLED", None, 1, roughly(5), roughly(0), 0)


async def test_a_success_has_no_error_whatever_came_before(database: Database) -> None:
    function = await insert_function(database, max_retries=1)
    invocation = await insert_invocation(database, function)
    await take_slot(database, invocation)
    await end(database, invocation, allows_retry=True)
    await take_slot(database, invocation, attempt=2)
    await change(database, invocation, 2, "outcome = 'SUCCEEDED', execution_start_time = clock_timestamp()")
    await end(database, invocation, attempt=2)
    assert (await stored(database, invocation))[:3] == ("SUCCEEDED", None, 2)


async def test_a_long_line_is_cut(database: Database) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    await take_slot(database, invocation)
    await change(database, invocation, 1, "outcome = 'FAILED', error_message = repeat('ä', 501)")
    await end(database, invocation)
    assert (await stored(database, invocation))[1] == 499 * "ä" + "…"


async def test_what_cannot_be_started_ends_alike(database: Database) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    await shift(database, 6)
    async with database.transaction() as connection:
        await RecordedTerminationRepository(connection).terminate_unstartable(invocation, reason="too large")
    assert await stored(database, invocation) == ("FAILED", "too large", 1, roughly(6), roughly(0), 0)


async def test_what_had_ended_ends_alike(database: Database) -> None:
    invocation = await insert_invocation(database, await insert_function(database))
    async with database.transaction() as connection:
        await RecordedTerminationRepository(connection).record_termination(
            invocation, attempt=1, outcome=ExecutionOutcome.ABORTED, error_message="not known"
        )
    assert (await stored(database, invocation))[:3] == ("ABORTED", "not known", 1)


@pytest.mark.parametrize(
    ("reason", "outcome", "error"),
    [
        (StopReason.CANCELLED, "CANCELLED", None),
        (StopReason.TIMED_OUT, "TIMED_OUT", "timed out after # s, # s of it in the queue: max_concurrency 1"),
    ],
)
async def test_what_a_batch_ends_without_an_execution_ends_alike(
    database: Database, reason: StopReason, outcome: str, error: str | None
) -> None:
    function = await insert_function(database)
    async with database.transaction() as connection:
        batch = await BatchRepository(connection).create(_path(function), NewBatch(inputs=["1"]))
    await shift(database, 8)
    async with database.transaction() as connection:
        await BatchEndRepository(connection).end_unstarted(batch.batch_id, reason=reason, at_most=1)
        invocation = await connection.scalar(
            select(InvocationRow.invocation_id).where(InvocationRow.batch_id == batch.batch_id)
        )
    assert invocation is not None
    assert await stored(database, InvocationId(invocation)) == (outcome, error, 0, roughly(8), 0, 0)


def _path(function: FunctionRef) -> FunctionPath:
    return FunctionPath(project_name=function.project_name, version_ref="latest", function_name=function.function_name)


async def test_the_wait_of_a_retry_begins_where_its_workflow_ended_the_back_off(database: Database) -> None:
    """Which is drawn, and not known to the catalog by anything but the ids."""
    function = await insert_function(database, max_retries=1)
    values = {"retry_jitter": 1.0, "retry_initial_interval_seconds": 40.0, "retry_max_interval_seconds": 60.0}
    async with database.statement() as connection:
        await connection.execute(update(FunctionRow).values(**values))
    for _ in range(3):
        invocation = await insert_invocation(database, function)
        assert isinstance(await take_slot(database, invocation), Assignment)
        await end(database, invocation, allows_retry=True)
        await shift(database, 200)
        assert isinstance(await take_slot(database, invocation, attempt=2), Assignment)
        async with database.statement() as connection:
            queued = await connection.scalar(
                select(ExecutionRow.queued_ms).where(ExecutionRow.execution_id == execution_id_for(invocation, 2))
            )
        spec = ExecutionSpec(
            max_retries=1, timeout_seconds=60, retry_initial_interval_seconds=40.0, retry_max_interval_seconds=60.0
        )
        drawn = drawn_from(execution_id_for(invocation, 1))
        backoff = backoff_after(1, retry_policy_of(spec), jitter=1.0, drawn=drawn)
        assert queued == roughly(200 - backoff.total_seconds())
        await end(database, invocation, attempt=2)
