"""Connections to the catalog. Only this module and migrations commit, and this one translates the driver's errors."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any, TypeVarTuple, cast, overload

import asyncpg
from sqlalchemy import URL, CursorResult, Executable, event
from sqlalchemy import Connection as SyncConnection
from sqlalchemy.engine.interfaces import CoreExecuteOptionsParameter, DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.selectable import TypedReturnsRows
from sqlalchemy.util import greenlet_spawn

from control_plane_server.catalog.connecting import Connection, connect
from control_plane_server.catalog.driver_statements import DriverStatement
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.liveness.progress import note_progress

_Columns = TypeVarTuple("_Columns")
_Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

# A server that only reads: it was demoted, or is not promoted yet.
_READ_ONLY = "25006"
# PostgreSQL has ended a transaction in which we were silent for too long, or that took too long.
_TIMED_OUT = ("25P03", "25P04")
# SQLSTATE prefixes of what passes without a change of ours (PostgreSQL documentation, "PostgreSQL Error Codes"):
# connection failure, a login that is refused, deadlock, too many connections, a lock that was not granted in time,
# operator intervention (a restart, a statement that takes too long), a table or column that is not migrated yet, a
# database that does not exist yet.
_PASSING_SQLSTATES = ("08", _READ_ONLY, *_TIMED_OUT, "28", "40", "53", "55P03", "57", "42P01", "42703", "3D000")

STATEMENT_LIMIT = timedelta(seconds=10)
# Our locks are held for milliseconds. One that is held for longer, as by a person in psql, must not keep all
# connections waiting for it.
LOCK_LIMIT = timedelta(seconds=3)
# The rows of a project of a million invocations.
_LONG_LIMIT = timedelta(minutes=10)
# However many projects are deleted: PostgreSQL accepts 100 connections in all by default.
_LONG_AT_ONCE = 3


class Database:
    """The catalog's engine. One per process.

    No statement takes longer than `statement_limit`, or waits longer than `lock_limit` for a lock; a connection of the
    pool is waited for as long as a statement. When one connection is found dead, all that were opened before it are
    replaced as they are needed.
    """

    def __init__(
        self,
        url: URL,
        *,
        pool_size: int = 10,
        statement_limit: timedelta = STATEMENT_LIMIT,
        lock_limit: timedelta = LOCK_LIMIT,
    ) -> None:
        self.url = url
        self._engine = create_async_engine(
            url,
            async_creator=partial(
                connect,
                url,
                name="control-plane",
                statement_limit=statement_limit,
                lock_limit=lock_limit,
                reads_by_index=True,
            ),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=statement_limit.total_seconds(),
        )
        self._long_engine = create_async_engine(
            url,
            async_creator=partial(connect, url, name="control-plane", statement_limit=_LONG_LIMIT),
            pool_size=_LONG_AT_ONCE,
            max_overflow=0,
            pool_timeout=_LONG_LIMIT.total_seconds(),
        )
        self._answer_seconds = statement_limit.total_seconds()
        self._unlimited_engine = create_async_engine(
            url,
            async_creator=partial(connect, url, name="control-plane", statement_limit=None),
            poolclass=NullPool,
        )
        for engine in self._engines:
            event.listen(engine.sync_engine, "handle_error", _invalidate_unusable)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One short transaction, committed at the end. Raises CatalogIsAway. No network call inside.

        If it is cancelled while it commits, it may be committed or not: every write may be repeated.
        """
        async with _connection(self._engine) as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def long_transaction(self) -> AsyncIterator[AsyncConnection]:
        """As `transaction`, for what may take minutes: up to 10 per statement, on one of three connections of its
        own. One that has died since it was last used is noticed as soon as any other."""
        async with _connection(self._long_engine) as connection:
            await self._see_answer(connection)
            async with connection.begin():
                yield connection

    async def _see_answer(self, connection: AsyncConnection) -> None:
        """Raises CatalogIsAway if there is none: then this connection is replaced, as each is whose turn comes."""
        driver = cast(Connection, (await connection.get_raw_connection()).driver_connection)
        try:
            await driver.fetchval("SELECT 1", timeout=self._answer_seconds)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            driver.terminate()
            await connection.invalidate(error)
            raise _away(error) from error

    @asynccontextmanager
    async def long_connection(self) -> AsyncIterator[AsyncConnection]:
        """For what begins and commits by itself, as migrations do, which take as long as a catalog is large: each
        statement as long as it needs. Raises CatalogIsAway."""
        async with _connection(self._unlimited_engine) as connection:
            yield connection

    def statement(self) -> AbstractAsyncContextManager["StatementConnection"]:
        """For statements that commit one by one. Nothing is held between them. They raise CatalogIsAway."""
        return nullcontext(StatementConnection(self._engine))

    async def close(self) -> None:
        for engine in self._engines:
            await engine.dispose()

    @property
    def _engines(self) -> tuple[AsyncEngine, ...]:
        return self._engine, self._long_engine, self._unlimited_engine


class StatementConnection(AsyncConnection):
    """Each statement commits by itself, on any connection that is free: a transaction of one statement costs three
    round trips."""

    @overload
    async def execute(
        self,
        statement: TypedReturnsRows[*_Columns],
        parameters: _Parameters = None,
        *,
        execution_options: CoreExecuteOptionsParameter | None = None,
    ) -> CursorResult[*_Columns]: ...

    @overload
    async def execute(
        self,
        statement: Executable,
        parameters: _Parameters = None,
        *,
        execution_options: CoreExecuteOptionsParameter | None = None,
    ) -> CursorResult[*tuple[Any, ...]]: ...

    async def execute(
        self,
        statement: Executable,
        parameters: _Parameters = None,
        *,
        execution_options: CoreExecuteOptionsParameter | None = None,
    ) -> CursorResult[*tuple[Any, ...]]:
        """All in one greenlet: one each to take a connection, to execute and to give it back, as SQLAlchemy has it,
        make a short statement cost almost half more."""
        with _translated_errors():
            result = await greenlet_spawn(self._execute, statement, parameters, execution_options)
        note_progress()
        return result

    async def run(self, statement: DriverStatement, parameters: Mapping[str, object]) -> Any:
        """As `one_or_none`."""
        with _translated_errors():
            row = await greenlet_spawn(self._run, statement, parameters)
        note_progress()
        return row

    def _run(self, statement: DriverStatement, parameters: Mapping[str, object]) -> Any:
        with self.sync_engine.connect() as connection:
            return statement.run(connection, parameters)

    def _execute(
        self,
        statement: Executable,
        parameters: _Parameters,
        execution_options: CoreExecuteOptionsParameter | None,
    ) -> CursorResult[*tuple[Any, ...]]:
        with self.sync_engine.connect() as connection:
            # The isolation level AUTOCOMMIT does no more than this; as an option of the engine it makes a short
            # statement cost a fifth more.
            adapted = cast(DBAPIConnection, connection.connection.dbapi_connection)
            adapted.autocommit = True
            try:
                return connection.execute(statement, parameters, execution_options=execution_options)
            finally:
                adapted.autocommit = False


async def one_or_none(connection: AsyncConnection, statement: DriverStatement, parameters: Mapping[str, object]) -> Any:
    """As `DriverStatement.run`. Raises CatalogIsAway; in a transaction that is raised at the transaction's end."""
    if isinstance(connection, StatementConnection):
        return await connection.run(statement, parameters)
    return await greenlet_spawn(statement.run, cast(SyncConnection, connection.sync_connection), parameters)


@asynccontextmanager
async def _connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    with _translated_errors():
        connection = await engine.connect()
        try:
            yield connection
        finally:
            # SQLAlchemy's context manager closes in a task of its own, which costs more and is not needed: no
            # transaction is open by now.
            await connection.close()
    note_progress()


def _invalidate_unusable(context: ExceptionContext) -> None:
    """Replace all connections to a server that does not answer, or that has become read-only."""
    error = context.original_exception
    is_silent = isinstance(error, TimeoutError)
    if is_silent and context.connection is not None and not context.connection.invalidated:
        cast(Connection, context.connection.connection.driver_connection).terminate()
    if is_silent or getattr(error, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = True


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or _passes_by_itself(error.orig):
            raise _away(error.orig or error) from error
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # while connecting: not wrapped by SQLAlchemy
        if _passes_by_itself(error):
            raise _away(error) from error
        raise
    except (OSError, PoolTimeoutError) as error:
        raise _away(error) from error


def _away(error: BaseException) -> CatalogIsAway:
    return CatalogIsAway(f"{CatalogIsAway.default_message()} ({str(error) or type(error).__name__})")


def _passes_by_itself(error: BaseException | None) -> bool:
    sqlstate = getattr(error, "sqlstate", None) or ""
    return sqlstate.startswith(_PASSING_SQLSTATES)
