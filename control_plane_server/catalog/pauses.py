"""Pauses of functions and of projects: nothing that waits gets a slot, what has one goes on.

A pause of a function is one of all its versions, those included that are declared later. Whoever pauses locks the
functions' rows, under whose locks slots are given away: once a pause is written, nothing begins. Who changes one
notifies `loop` of it, which gives slots to what has waited for its end.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Float,
    Row,
    and_,
    any_,
    case,
    cast,
    extract,
    func,
    literal,
    null,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.notifications import PAUSES_CHANNEL
from control_plane_server.catalog.paths import FunctionPath, along_function, require, searchable
from control_plane_server.catalog.tables import FunctionRow, ProjectRow, VersionRow
from control_plane_server.domain.entities import Pause
from control_plane_server.domain.errors import ProjectDoesNotExist

_FUNCTION = along_function(select(*columns_of(VersionRow, FunctionRow)))
_INHERIT = text("""
    UPDATE functions SET pause_time = earlier.pause_time, paused_until = earlier.paused_until
    FROM functions AS earlier
    WHERE functions.version_id = :version_id AND functions.function_name = earlier.function_name
        AND earlier.pause_time IS NOT NULL AND earlier.version_id = (
            SELECT version_id FROM versions WHERE project_name = :project_name AND version_id <> :version_id
            ORDER BY declaration_number DESC LIMIT 1
        )
    """)


def is_paused(row: type[FunctionRow] | type[ProjectRow]) -> ColumnElement[bool]:
    """At this instant: a pause may have an end."""
    return and_(row.pause_time.is_not(None), or_(row.paused_until.is_(None), row.paused_until > func.clock_timestamp()))


async def seconds_to_next_end(connection: StatementConnection) -> float | None:
    """By the database's clock, until a pause ends next. None: none has an end that is still to come."""
    ends = union_all(
        *(select(row.paused_until.label("end")).where(is_paused(row)) for row in (FunctionRow, ProjectRow))
    ).subquery()
    left: float | None = await connection.scalar(
        select(cast(extract("epoch", func.min(ends.c.end) - func.clock_timestamp()), Float))
    )
    return left


class PauseRepository:
    """Each may be repeated, and needs a transaction, whose owner commits. They return the pause as it is now."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def pause_project(self, project_name: str, *, until: datetime | None) -> Pause | None:
        """`until`: in the future; None: until it is resumed. Raises ProjectDoesNotExist."""
        return await self._change_project(project_name, _paused(ProjectRow, until))

    async def resume_project(self, project_name: str) -> Pause | None:
        """Raises ProjectDoesNotExist."""
        return await self._change_project(project_name, _RESUMED)

    async def pause_function(self, path: FunctionPath, *, until: datetime | None) -> Pause | None:
        """As `pause_project`. Raises ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist."""
        return await self._change_function(path, _paused(FunctionRow, until))

    async def resume_function(self, path: FunctionPath) -> Pause | None:
        """Raises ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist."""
        return await self._change_function(path, _RESUMED)

    async def inherit(self, project_name: str, version_id: str) -> None:
        """Pause those functions of a new version that are paused in the one before, under the lock of the project's
        row."""
        await self._connection.execute(_INHERIT, {"project_name": project_name, "version_id": version_id})

    async def _change_project(self, project_name: str, values: dict[str, Any]) -> Pause | None:
        changed = await self._connection.execute(
            update(ProjectRow)
            .where(ProjectRow.project_name == searchable(project_name))
            .values(**values)
            .returning(ProjectRow.pause_time, ProjectRow.paused_until)
        )
        row = changed.one_or_none()
        if row is None:
            raise ProjectDoesNotExist
        await self._lock_functions(project_name)
        await self._notify()
        return _pause(row)

    async def _change_function(self, path: FunctionPath, values: dict[str, Any]) -> Pause | None:
        require((await self._connection.execute(_FUNCTION, path.parameters)).one_or_none(), parts=2)
        # A version that is being declared has its row locked, and inherits what it finds.
        await self._connection.execute(
            select(ProjectRow.project_name)
            .where(ProjectRow.project_name == searchable(path.project_name))
            .with_for_update(key_share=True)
        )
        function_ids = await self._lock_functions(path.project_name, FunctionRow.function_name == path.function_name)
        changed = await self._connection.execute(
            update(FunctionRow)
            .where(FunctionRow.function_id == any_(literal(function_ids, ARRAY(BigInteger))))
            .values(**values)
            .returning(FunctionRow.pause_time, FunctionRow.paused_until)
        )
        row = changed.first()
        if row is None:  # deleted with its project at this moment
            raise ProjectDoesNotExist
        await self._notify()
        return _pause(row)

    async def _notify(self) -> None:
        await self._connection.execute(select(func.pg_notify(PAUSES_CHANNEL, "")))

    async def _lock_functions(self, project_name: str, *matching: ColumnElement[bool]) -> list[int]:
        """In one order, so that two that pause do not wait for each other."""
        found = await self._connection.scalars(
            select(FunctionRow.function_id)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(VersionRow.project_name == searchable(project_name), *matching)
            .order_by(FunctionRow.function_id)
            .with_for_update(key_share=True, of=FunctionRow)
        )
        return list(found)


_RESUMED: dict[str, Any] = {"pause_time": null(), "paused_until": null()}


def _pause(row: Row[*tuple[Any, ...]]) -> Pause | None:
    return None if row.pause_time is None else Pause(since=row.pause_time, until=row.paused_until)


def _paused(row: type[FunctionRow] | type[ProjectRow], until: datetime | None) -> dict[str, Any]:
    """What is paused already has been since then."""
    return {
        "pause_time": case((is_paused(row), row.pause_time), else_=func.clock_timestamp()),
        "paused_until": until,
    }
