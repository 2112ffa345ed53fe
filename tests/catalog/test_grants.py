"""Who is told of a slot, and when again."""

from datetime import timedelta

from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import Grant, SlotQueue
from control_plane_server.catalog.reconciliation.undelivered_messages import UndeliveredMessageRepository
from control_plane_server.domain.identifiers import InvocationId, execution_id_for
from control_plane_server.domain.messages import StopReason
from tests.catalog.test_slots import close, end, grant_of
from tests.factories import insert_function, insert_invocation, take_slot

_PATIENCE = timedelta(seconds=10)
_REPEAT = timedelta(minutes=10)


async def granted_behind(database: Database, *, others: int = 0) -> list[InvocationId]:
    """An invocation that was granted its slot; others wait."""
    function = await insert_function(database)
    holder, *rest = [await insert_invocation(database, function) for _ in range(2 + others)]
    for invocation in (holder, *rest):
        await take_slot(database, invocation)
    await close(database, holder)
    return rest


async def note_signalled(database: Database, invocation: InvocationId) -> None:
    async with database.transaction() as connection:
        await SlotQueue(connection).note_signalled([execution_id_for(invocation, 1)])


async def unclaimed(database: Database) -> list[Grant]:
    async with database.statement() as connection:
        return await UndeliveredMessageRepository(connection).unclaimed_grants(
            older_than=_PATIENCE, again_after=_REPEAT
        )


async def grow_older(database: Database, age: timedelta) -> None:
    async with database.statement() as connection:
        await connection.execute(
            text(
                "UPDATE executions SET creation_time = creation_time - CAST(:age AS interval), "
                "grant_signal_time = grant_signal_time - CAST(:age AS interval)"
            ),
            {"age": age},
        )


async def test_whoever_else_frees_a_slot_does_not_tell_it(database: Database) -> None:
    granted, *others = await granted_behind(database, others=3)
    for other in others:
        assert (await end(database, other, reason=StopReason.CANCELLED)).grants == ()
    assert await take_slot(database, granted)


async def test_one_that_nobody_told_is_found_soon(database: Database) -> None:
    (granted,) = await granted_behind(database)
    assert await unclaimed(database) == []
    await grow_older(database, timedelta(seconds=11))
    assert await unclaimed(database) == [grant_of(granted)]


async def test_one_that_was_told_is_told_again_rarely(database: Database) -> None:
    (granted,) = await granted_behind(database)
    await note_signalled(database, granted)
    await grow_older(database, timedelta(minutes=9))
    assert await unclaimed(database) == []
    await grow_older(database, timedelta(minutes=2))
    assert await unclaimed(database) == [grant_of(granted)]
    await note_signalled(database, granted)
    assert await unclaimed(database) == []


async def test_one_that_is_taken_up_is_told_no_more(database: Database) -> None:
    (granted,) = await granted_behind(database)
    await take_slot(database, granted)
    await grow_older(database, timedelta(hours=1))
    assert await unclaimed(database) == []
