"""How many rows of each kind a run of the reconciliation reads, and from which age on."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, any_, exists, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from control_plane_server.catalog.tables import ExecutionRow, InvocationRow

# Of each kind at a time.
PAGE = 1_000
# The order in which more than a page are read: rows that cannot be repaired must not keep others out for ever.
DRAWN = func.random()


def has_execution(*, older_than: timedelta = timedelta()) -> ColumnElement[bool]:
    """Whether there is an execution of the InvocationRow, of at least that age."""
    return exists().where(
        ExecutionRow.invocation_id == InvocationRow.invocation_id, is_older(ExecutionRow.creation_time, older_than)
    )


def is_older(time: ColumnElement[Any] | InstrumentedAttribute[Any], age: timedelta) -> ColumnElement[bool]:
    """By the database's clock, which wrote the time."""
    return time < func.clock_timestamp() - age


def is_among(column: InstrumentedAttribute[str], values: Iterable[str]) -> ColumnElement[bool]:
    """One parameter for any number of values: asyncpg takes 32,767 parameters at most."""
    return column == any_(literal(list(values), ARRAY(Text)))
