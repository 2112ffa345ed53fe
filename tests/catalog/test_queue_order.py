"""Who comes next in the queue: priorities, concurrency keys, pauses; against a model, and by how much is read."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Assignment
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.ranks import HEAD_START
from control_plane_server.catalog.tables import FunctionRow, InvocationRow
from control_plane_server.domain.identifiers import ExecutionId, FunctionRef, InvocationId
from control_plane_server.domain.messages import StopReason
from tests.catalog.plans import check_plans
from tests.catalog.test_slots import close, end, grant_of, is_queued
from tests.factories import insert_function, insert_invocation, take_slot
from tests.statements import Statement

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


async def submitted(
    database: Database,
    function: FunctionRef,
    *,
    at: timedelta = timedelta(),
    priority: int = 5,
    key: str | None = None,
    limit: int = 1,
) -> InvocationId:
    """`at`: when it was created."""
    invocation = await insert_invocation(database, function)
    values = {"creation_time": BEGIN + at, "priority": priority, "concurrency_key": key}
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id == invocation)
            .values(**values, concurrency_limit=None if key is None else limit)
        )
    return invocation


async def test_the_highest_priority_first_then_the_oldest(database: Database) -> None:
    function = await insert_function(database)
    holder = await submitted(database, function)
    await take_slot(database, holder)
    steps = [(5, 2), (0, 1), (9, 3), (5, 1), (9, 4)]
    queue = {
        (priority, minute): await submitted(database, function, at=timedelta(minutes=minute), priority=priority)
        for priority, minute in steps
    }
    for waiting in queue.values():
        assert is_queued(await take_slot(database, waiting))
    for place in [(9, 3), (9, 4), (5, 1), (5, 2), (0, 1)]:
        assert (await close(database, holder)).grants == (grant_of(queue[place]),)
        holder = queue[place]


@pytest.mark.parametrize("later", [timedelta(seconds=-1), timedelta(seconds=1)])
async def test_nobody_is_passed_by_what_comes_an_hour_later_for_each_step(database: Database, later: timedelta) -> None:
    function = await insert_function(database)
    holder = await submitted(database, function)
    await take_slot(database, holder)
    lowest = await submitted(database, function, priority=0)
    highest = await submitted(database, function, at=9 * HEAD_START + later, priority=9)
    for waiting in (lowest, highest):
        await take_slot(database, waiting)
    first = lowest if later > timedelta() else highest
    assert (await close(database, holder)).grants == (grant_of(first),)


async def test_a_key_at_its_limit_keeps_those_behind_it_waiting_that_have_it_and_nobody_else(
    database: Database,
) -> None:
    function = await insert_function(database, max_concurrency=3)
    first, second, third = [await submitted(database, function, at=timedelta(seconds=at), key="a") for at in range(3)]
    assert isinstance(await take_slot(database, first), Assignment)
    assert is_queued(await take_slot(database, second))
    assert is_queued(await take_slot(database, third))
    for key in ("b", None):
        beside = await submitted(database, function, at=timedelta(seconds=9), key=key)
        assert isinstance(await take_slot(database, beside), Assignment)
    assert (await close(database, first)).grants == (grant_of(second),)


async def test_one_that_would_fit_waits_behind_one_of_its_key_that_does_not(database: Database) -> None:
    function = await insert_function(database, max_concurrency=3)
    running = await submitted(database, function, key="a", limit=2)
    strict = await submitted(database, function, at=timedelta(seconds=1), key="a", limit=1)
    lax = await submitted(database, function, at=timedelta(seconds=2), key="a", limit=2)
    assert isinstance(await take_slot(database, running), Assignment)
    assert is_queued(await take_slot(database, strict))
    assert is_queued(await take_slot(database, lax))
    assert (await end(database, strict, reason=StopReason.CANCELLED)).grants == (grant_of(lax),)


async def test_a_retry_waits_for_its_key(database: Database) -> None:
    function = await insert_function(database, max_concurrency=2)
    first, second = [await submitted(database, function, at=timedelta(seconds=at), key="a") for at in range(2)]
    await take_slot(database, first)
    await take_slot(database, second)
    assert (await close(database, first, allows_retry=True)).grants == (grant_of(second),)
    assert is_queued(await take_slot(database, first, attempt=2))
    assert (await close(database, second)).grants == (grant_of(first, attempt=2),)


async def test_what_can_never_run_has_its_turn_whatever_its_key(database: Database) -> None:
    function = await insert_function(database, is_ready=False)
    waiting = [await submitted(database, function, key="a") for _ in range(3)]
    for invocation in waiting[:2]:
        assert is_queued(await take_slot(database, invocation))
    async with database.statement() as connection:
        await connection.execute(update(FunctionRow).values(preparation_error="no such image"))
    ended = await end(database, waiting[0], reason=StopReason.CANCELLED)
    assert ended.grants == (grant_of(waiting[1]),)
    assert isinstance(await take_slot(database, waiting[2]), Assignment)


@dataclass
class Model:
    """What the queue of a function is to do, as one would write it down."""

    slots: int
    waiting: dict[InvocationId, "Call"] = field(default_factory=dict)
    running: dict[InvocationId, "Call"] = field(default_factory=dict)

    def give(self) -> set[InvocationId]:
        """To those whose key is free, the first in the queue first; one that waits for its key keeps it from those
        behind it."""
        given: set[InvocationId] = set()
        closed: set[str] = set()
        for call in sorted(self.waiting.values(), key=lambda call: call.place):
            if len(self.running) >= self.slots:
                break
            if call.key is not None:
                held = sum(other.key == call.key for other in self.running.values())
                if call.key in closed or held >= call.limit:
                    closed.add(call.key)
                    continue
            self.running[call.invocation] = self.waiting.pop(call.invocation)
            given.add(call.invocation)
        return given


@dataclass(frozen=True)
class Call:
    invocation: InvocationId
    at: timedelta
    priority: int
    key: str | None
    limit: int

    @property
    def place(self) -> tuple[timedelta, str]:
        return self.at - (self.priority - 5) * HEAD_START, self.invocation


@pytest.mark.parametrize("seed", range(4))
async def test_the_queue_does_what_its_model_does(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    function = await insert_function(database, max_concurrency=4)
    model = Model(slots=4)
    for step in range(60):
        if model.running and chance.random() < 0.4:
            ended = chance.choice(list(model.running))
            del model.running[ended]
            granted = {grant.invocation_id for grant in (await close(database, ended)).grants}
            assert granted == model.give(), f"step {step} of seed {seed}"
            for invocation in granted:
                assert isinstance(await take_slot(database, invocation), Assignment)
            continue
        call = await _random_call(database, function, chance)
        model.waiting[call.invocation] = call
        given = model.give()
        taken = await take_slot(database, call.invocation)
        assert isinstance(taken, Assignment) is (given == {call.invocation}), f"step {step} of seed {seed}"
        assert given <= {call.invocation}, "whatever fits has a slot already"


async def _random_call(database: Database, function: FunctionRef, chance: random.Random) -> Call:
    at, priority = timedelta(minutes=chance.randrange(600)), chance.randrange(10)
    key, limit = chance.choice([None, "a", "b", "c"]), chance.choice([1, 1, 2])
    invocation = await submitted(database, function, at=at, priority=priority, key=key, limit=limit)
    return Call(invocation=invocation, at=at, priority=priority, key=key, limit=limit)


_KEYS, _WAITING = 200, 10_000
# Each key is looked up, and what has a slot is counted; 10,000 are not read.
_MOST_ROWS = 8 * _KEYS


@pytest.fixture
async def crowd(database: Database) -> FunctionRef:
    """10,000 that wait for 200 keys, each of which one of them has; behind them one without a key. Slots are free."""
    function = await insert_function(database, max_concurrency=10 * _KEYS)
    planted = f"""
        INSERT INTO invocations (
            invocation_id, function_id, input, project_name, function_name, concurrency_key, concurrency_limit
        )
        SELECT 'planted-' || n, function_id, '', project_name, function_name, 'key-' || n % {_KEYS}, 1
        FROM functions JOIN versions USING (version_id), generate_series(1, {_WAITING + _KEYS}) AS n
        """
    held = f"""
        INSERT INTO executions (
            execution_id, invocation_id, function_id, attempt, worker_status, concurrency_key, claim_time
        )
        SELECT 'exe-' || invocation_id, invocation_id, function_id, 1, 'RUNNING', concurrency_key, clock_timestamp()
        FROM invocations WHERE invocation_id = ANY(ARRAY(SELECT 'planted-' || generate_series(1, {_KEYS})))
        """
    waiting = """
        INSERT INTO waiting_executions (
            invocation_id, function_id, execution_id, attempt, invocation_creation_time, concurrency_key,
            concurrency_limit
        )
        SELECT invocation_id, function_id, 'exe-' || invocation_id, 1, creation_time, concurrency_key, 1
        FROM invocations
        WHERE NOT EXISTS (SELECT FROM executions WHERE executions.invocation_id = invocations.invocation_id)
        """
    async with database.statement() as connection:
        for statement in (planted, held, waiting, "ANALYZE"):
            await connection.execute(text(statement))
    return function


async def test_ten_thousand_that_wait_for_their_keys_are_not_gone_through_for_a_slot(
    database: Database, crowd: FunctionRef, statements: list[Statement]
) -> None:
    beside = await insert_invocation(database, crowd)
    statements.clear()
    assert isinstance(await take_slot(database, beside), Assignment)
    async with database.transaction() as connection:
        closed = await TerminationRepository(connection).terminate_execution(
            invocation_id=InvocationId("planted-7"),
            execution_id=ExecutionId("exe-planted-7"),
            reason="exit code 1",
            allows_retry=False,
        )
    assert [grant.invocation_id for grant in closed.grants] == [f"planted-{_KEYS + 7}"], "the next one of its key"
    await check_plans(database, statements, most_rows=_MOST_ROWS)
