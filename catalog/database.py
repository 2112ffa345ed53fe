"""Connections to the catalog. The only place that commits, and that knows the driver's errors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NewType

import asyncpg
from sqlalchemy import URL
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
        self._autocommitting = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One short transaction, committed at the end. Raises CatalogIsAway. No network call inside."""
        with _translated_errors():
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[StatementConnection]:
        """A connection whose statements commit one by one. Raises CatalogIsAway. No network call inside."""
        with _translated_errors():
            async with self._autocommitting.connect() as connection:
                yield StatementConnection(connection)

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
