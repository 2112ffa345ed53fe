"""Statements of which each execution of a function needs one, without what SQLAlchemy does for them each time."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
from sqlalchemy import BindParameter, ClauseElement, Connection, Dialect, Executable
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg
from sqlalchemy.util import await_


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """`names`: of the values that the text has as $1, $2 and so on."""

    text: str
    names: tuple[str, ...]


class _Compiler(PGCompiler_asyncpg):
    """Writes what a statement brings itself into its text, for PostgreSQL to work out when it plans: of a long one, the
    names of states and the like are most of the parameters."""

    def visit_bindparam(self, bindparam: BindParameter[Any], **options: Any) -> str:  # type: ignore[override]
        if not bindparam.required:
            options["literal_binds"] = True
        written: str = super().visit_bindparam(bindparam, **options)  # type: ignore[no-untyped-call]
        return written


class DriverStatement:
    """One that the driver runs as SQLAlchemy has written it once: to look it up, to bind its parameters and to describe
    its columns is more than half of what a short statement costs.

    The types of its parameters and columns are those that the driver knows by itself: texts, numbers, truth values,
    times, lists of them, and JSON, which is read.
    """

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self._compiled: _Compiler | None = None
        self._literals: tuple[str, ...] = ()  # parameters whose values stand in the text: they have few
        self._written: dict[tuple[object, ...], _Written] = {}  # by these values

    def run(self, connection: Connection, parameters: Mapping[str, object]) -> Any:
        """Its one row, with its columns as attributes, or None. Within a greenlet of SQLAlchemy; in the connection's
        transaction, if it has one.

        If a parameter is missing, raises KeyError, or InvalidRequestError where SQLAlchemy still writes it. Where the
        connection is lost by it, raises what SQLAlchemy raises, which then knows of that; else asyncpg.PostgresError or
        asyncpg.InterfaceError, as the driver does. Raises ValueError if there are two rows."""
        driver = cast("asyncpg.Connection[asyncpg.Record]", connection.connection.driver_connection)
        if connection.in_transaction() and not driver.is_in_transaction():  # which begins with SQLAlchemy's first one
            return connection.execute(self.statement, parameters).one_or_none()
        written = self._write(connection.dialect, parameters)
        values = [parameters[name] for name in written.names]
        try:
            rows = await_(driver.fetch(written.text, *values))
        except Exception as error:
            if isinstance(error, TimeoutError):  # a server that is silent: nothing more will come from it
                driver.terminate()
            is_demoted = isinstance(error, asyncpg.ReadOnlySQLTransactionError) and not connection.in_transaction()
            if driver.is_closed() or is_demoted:
                connection.execute(self.statement, parameters)  # finds the same
            raise
        except BaseException as error:  # broken off: it may still be under way
            connection.invalidate(error)
            raise
        if not rows:
            return None
        (row,) = rows
        return SimpleNamespace(**row)

    def _write(self, dialect: Dialect, parameters: Mapping[str, object]) -> _Written:
        if self._compiled is None:
            self._compiled = _Compiler(dialect, cast(ClauseElement, self.statement))
            parameters_in_text = self._compiled.literal_execute_params
            self._literals = tuple(parameter.key for parameter in parameters_in_text if parameter.required)
        literals = tuple(parameters[name] for name in self._literals)
        written = self._written.get(literals)
        if written is None:
            expanded = self._compiled.construct_expanded_state(dict(parameters))
            written = _Written(text=expanded.statement, names=tuple(expanded.positiontup or ()))
            self._written[literals] = written
        return written
