"""How much of each kind is looked at in one go, and from which age on."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, any_, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

# Of each kind at a time.
PAGE = 1_000
# Which of more than a page: those that stay must not hide others for ever.
DRAWN = func.random()


def is_older(time: InstrumentedAttribute[Any], age: timedelta) -> ColumnElement[bool]:
    """By the database's clock, which has written all the times."""
    return time < func.clock_timestamp() - age


def is_among(column: InstrumentedAttribute[str], values: Iterable[str]) -> ColumnElement[bool]:
    """One parameter, however many there are: Postgres takes no more than 32,767."""
    return column == any_(literal(list(values), ARRAY(Text)))
