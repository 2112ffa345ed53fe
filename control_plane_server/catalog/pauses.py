"""Pauses of functions and of projects: nothing that waits gets a slot, what has one goes on."""

from sqlalchemy import ColumnElement, and_, func, or_

from control_plane_server.catalog.tables import FunctionRow, ProjectRow


def is_paused(row: type[FunctionRow] | type[ProjectRow]) -> ColumnElement[bool]:
    """At this instant: a pause may have an end."""
    return and_(row.pause_time.is_not(None), or_(row.paused_until.is_(None), row.paused_until > func.clock_timestamp()))
