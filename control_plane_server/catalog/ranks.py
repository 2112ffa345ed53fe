"""The order of the queue: by a time that is fixed when an execution queues up.

The time since when its invocation waits, moved by an hour for each step of its priority. So of two that were submitted
within that time of each other the one of the higher priority comes first, and nobody is passed by what was submitted
more than an hour later for each step between them: the lowest waits for nothing that comes nine hours after it.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, Interval, func, literal
from sqlalchemy.orm import InstrumentedAttribute

from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.submit_options import DEFAULT_PRIORITY

HEAD_START = timedelta(hours=1)  # of each step of the priority


def head_start(priority: int) -> timedelta:
    """By which its rank is before the time since when it waits; less than nothing below the default."""
    return (priority - DEFAULT_PRIORITY) * HEAD_START


def rank_of(invocation: type[InvocationRow]) -> ColumnElement[object]:
    """The smaller one comes first."""
    return waits_from(invocation) - (invocation.priority - DEFAULT_PRIORITY) * literal(HEAD_START, Interval)


def waits_from(invocation: type[InvocationRow]) -> ColumnElement[object]:
    """Since when an invocation waits for its first slot."""
    not_before: InstrumentedAttribute[object] = invocation.not_before
    return func.coalesce(not_before, invocation.creation_time)
