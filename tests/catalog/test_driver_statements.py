"""Statements that the driver runs itself: they say the same as SQLAlchemy's, and fail the same way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import Boolean, Text, bindparam, literal, select, text
from sqlalchemy.exc import InvalidRequestError

from control_plane_server.catalog.database import Database, one_or_none
from control_plane_server.catalog.driver_statements import DriverStatement
from control_plane_server.domain.errors import CatalogIsAway
from tests.statements import noted_statements

_EVERY_TYPE = text("""
    SELECT CAST(:word AS text) AS word, CAST(:word AS text) || '!' AS called, CAST(:number AS integer) AS number,
        1.5::double precision AS fraction, true AS is_true, NULL::text AS nothing, ARRAY['a', 'b'] AS words,
        '{"a": [1]}'::jsonb AS read, '{"b": 2}'::json AS also_read, interval '1 minute' AS lasted,
        timestamptz '2026-01-01 00:00+00' AS moment
    """)
_WORDS = {"word": "ä", "number": 7}
_IS_SET = bindparam("is_set", type_=Boolean, literal_execute=True)
_CREATE = DriverStatement(text("INSERT INTO projects (project_name) VALUES (:name) RETURNING project_name"))
_SLEEP = DriverStatement(text("SELECT pg_sleep(60)"))
_PROCESS = text("SELECT pg_backend_pid()")


@pytest.fixture
async def database(database: Database) -> AsyncIterator[Database]:
    """With a pool of one."""
    single = Database(database.url, pool_size=1)
    yield single
    await single.close()


async def create(database: Database, name: str) -> str:
    async with database.statement() as connection:
        row = await one_or_none(connection, _CREATE, {"name": name})
    created: str = row.project_name
    return created


async def is_there(database: Database, name: str) -> bool:
    async with database.statement() as connection:
        there = "SELECT EXISTS (SELECT FROM projects WHERE project_name = :name)"
        found: bool = await connection.scalar(text(there), {"name": name})
    return found


async def process(database: Database) -> int:
    async with database.statement() as connection:
        found: int = await connection.scalar(_PROCESS)
    return found


async def test_a_row_is_what_sqlalchemy_reads(database: Database) -> None:
    statement = DriverStatement(_EVERY_TYPE)
    async with database.statement() as connection:
        expected = (await connection.execute(_EVERY_TYPE, _WORDS)).one()
        rows = [await one_or_none(connection, statement, _WORDS | {"number": number}) for number in (7, 8)]
    assert vars(rows[0]) == expected._asdict()
    assert rows[1].number == 8
    assert rows[1].word == "ä"


async def test_what_stands_in_the_text_is_that_of_each_time(database: Database) -> None:
    statement = DriverStatement(select(literal("constant").label("constant"), _IS_SET.label("is_set")))
    async with database.statement() as connection:
        for is_set in (True, False, True):
            row = await one_or_none(connection, statement, {"is_set": is_set})
            assert (row.constant, row.is_set) == ("constant", is_set)


async def test_what_it_brings_itself_stands_in_its_text(database: Database) -> None:
    brought = select(
        literal("it's 100 % of \\ :word and $1").label("text"),
        literal(7).label("number"),
        literal(timedelta(milliseconds=1)).label("lasted"),
        literal(None, Text).label("nothing"),
        literal("word").in_(["word", "another"]).label("is_in"),
        (bindparam("word", type_=Text) + literal("!")).label("called"),
    )
    async with database.statement() as connection:
        expected = (await connection.execute(brought, {"word": "ä"})).one()
        with noted_statements() as statements:
            row = await one_or_none(connection, DriverStatement(brought), {"word": "ä"})
    assert vars(row) == expected._asdict()
    assert [parameters for _, parameters in statements] == [("ä",)]


async def test_a_parameter_that_is_missing_is_no_null(database: Database) -> None:
    async with database.statement() as connection:
        for given in ({}, {"number": 1}):
            with pytest.raises((KeyError, InvalidRequestError)):
                await one_or_none(connection, DriverStatement(_EVERY_TYPE), given)


async def test_no_row_is_none_and_two_are_an_error(database: Database) -> None:
    statement = DriverStatement(text("SELECT generate_series(1, CAST(:count AS integer))"))
    async with database.statement() as connection:
        assert await one_or_none(connection, statement, {"count": 0}) is None
        with pytest.raises(ValueError, match="unpack"):
            await one_or_none(connection, statement, {"count": 2})


async def test_it_commits_by_itself_but_in_a_transaction(database: Database) -> None:
    with noted_statements() as statements:
        assert await create(database, "kept") == "kept"
    assert [parameters for _, parameters in statements] == [("kept",)]

    async def fail(*, is_first: bool) -> None:
        async with database.transaction() as connection:
            if not is_first:
                await connection.execute(_PROCESS)
            await one_or_none(connection, _CREATE, {"name": "taken-back"})
            raise LookupError

    for is_first in (True, False):
        with pytest.raises(LookupError):
            await fail(is_first=is_first)
    assert await is_there(database, "kept")
    assert not await is_there(database, "taken-back")


async def test_what_postgresql_refuses_costs_no_connection(database: Database) -> None:
    before = await process(database)
    await create(database, "once")
    with pytest.raises(asyncpg.UniqueViolationError):
        await create(database, "once")
    assert await process(database) == before


async def test_one_that_is_broken_off_is_over(database: Database) -> None:
    before = await process(database)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), database.statement() as connection:
            await one_or_none(connection, _SLEEP, {})
    assert await process(database) != before


async def test_a_session_that_the_server_ends_is_replaced(database: Database) -> None:
    ended = await process(database)
    other = Database(database.url)
    async with other.statement() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:ended, 10000)"), {"ended": ended})
    await other.close()
    with pytest.raises(CatalogIsAway):
        await create(database, "a")
    assert await create(database, "a") == "a"


async def test_a_server_that_only_reads_is_left(database: Database) -> None:
    before = await process(database)
    async with database.statement() as connection:
        await connection.execute(text("SET default_transaction_read_only = on"))
    with pytest.raises(CatalogIsAway, match="read-only"):
        await create(database, "a")
    assert await create(database, "a") == "a"
    assert await process(database) != before
