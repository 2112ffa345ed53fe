"""Fills in what releases did not write once: the names of an invocation's function in its row, and how it ended.

A migration does so for all that there are, and the reconciliation for what the release before inserts and ends while it
still runs. The migration runs this statement on the schema that it made itself, so nothing later may be named here.
"""

from functools import lru_cache

from sqlalchemy import ColumnElement, Integer, Update, any_, bindparam, case, func, literal_column, select, true, update
from sqlalchemy.orm import aliased

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.ends import MEASURED_BY_FIRST_COLUMNS, known_end
from control_plane_server.catalog.outcomes import known_outcome
from control_plane_server.catalog.tables import FunctionRow, InvocationRow, VersionRow, is_incomplete
from control_plane_server.domain.entities import InvocationStatus

_MOST = bindparam("complete_most", type_=Integer)
_CHOSEN = aliased(InvocationRow, name="chosen")


def completion(*, among: ColumnElement[bool] | None = None) -> Update:
    """Completes invocations, of which `among` says more: of `chosen`. Returns their ids. Those that somebody else
    writes at this moment are passed over, so that nobody waits for anybody."""
    chosen = select(_CHOSEN.invocation_id).where(is_incomplete(_CHOSEN))
    chosen = chosen.limit(_MOST) if among is None else chosen.where(among)
    ids = func.array(chosen.with_for_update(key_share=True, skip_locked=True).scalar_subquery())
    known = (
        select(
            InvocationRow.invocation_id,
            VersionRow.project_name,
            FunctionRow.function_name,
            (InvocationRow.status == InvocationStatus.TERMINATED.value).label("has_ended"),
            known_outcome().label("known_outcome"),
            *known_end(MEASURED_BY_FIRST_COLUMNS),
        )
        .select_from(InvocationRow)
        .join(FunctionRow, FunctionRow.function_id == InvocationRow.function_id)
        .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
        .outerjoin(MEASURED_BY_FIRST_COLUMNS, true())
        .where(InvocationRow.invocation_id == any_(ids))
        .subquery("known")
    ).c
    stored = InvocationRow.__table__.c
    # What has been written since this statement began stays.
    ends = {
        name: func.coalesce(stored[name], case((known.has_ended, known[source])))
        for name, source in {
            "outcome": "known_outcome",
            "error_message": "known_error",
            "attempts": "known_attempts",
            "queued_ms": "known_queued_ms",
            "starting_ms": "known_starting_ms",
            "running_ms": "known_running_ms",
        }.items()
    }
    return (
        update(InvocationRow)
        .where(InvocationRow.invocation_id == known.invocation_id)
        .values(project_name=known.project_name, function_name=known.function_name, **ends)
        .returning(InvocationRow.invocation_id)
    )


def completion_of_blocks(first: int, end: int) -> Update:
    """Of those whose rows lie in these blocks of the table, `end` excluded."""
    return completion(among=literal_column(f"chosen.ctid >= '({first},0)' AND chosen.ctid < '({end},0)'"))


class IncompleteInvocationRepository:
    """May be repeated, and by several at once."""

    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def complete(self, *, at_most: int) -> int:
        """Complete so many, by one statement. Returns how many it has found."""
        return len((await self._connection.execute(_completion(), {_MOST.key: at_most})).all())


@lru_cache(maxsize=1)
def _completion() -> Update:
    return completion()
