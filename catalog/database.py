"""Connections to the catalog. The only place that commits, and that knows the driver's errors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NewType, cast

import asyncpg
from sqlalchemy import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.errors import CatalogIsAway

# A connection whose statements commit one by one: a transaction of one statement costs three round trips.
StatementConnection = NewType("StatementConnection", AsyncConnection)

# SQLSTATE prefixes of what passes without a change of ours: connection failure, a login that is refused, deadlock, too
# many connections, operator intervention (a restart), a table or column that is not migrated yet, a database that does
# not exist yet.
_PASSING_SQLSTATES = ("08", "28", "40", "53", "57", "42P01", "42703", "3D000")


class Database:
    """The catalog's engine. One per process."""

    def __init__(self, url: URL, *, pool_size: int = 10) -> None:
        self.url = url
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            connect_args={"timeout": 5, "server_settings": {"application_name": "control-plane", "jit": "off"}},
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One short transaction, committed at the end. Raises CatalogIsAway. No network call inside.

        Cancelled while it commits, it is committed or not, as after any death: what is written may be written again.
        """
        async with self._connection() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[StatementConnection]:
        """A connection whose statements commit one by one. Raises CatalogIsAway. No network call inside."""
        async with self._connection() as connection:
            # All that the isolation level AUTOCOMMIT comes to: as an option of the engine, it makes a short statement
            # cost a fifth more.
            adapted = cast(DBAPIConnection, (await connection.get_raw_connection()).dbapi_connection)
            adapted.autocommit = True
            try:
                yield StatementConnection(connection)
            finally:
                adapted.autocommit = False

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        with _translated_errors():
            connection = await self._engine.connect()
            try:
                yield connection
            finally:
                # Its own context manager does so in a task, in case there is something to wait for: there is not, as
                # no transaction is open by now.
                await connection.close()

    async def close(self) -> None:
        await self._engine.dispose()


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
