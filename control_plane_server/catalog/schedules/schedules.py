"""Schedules of projects: set by REST, read, paused, deleted. How declared ones come about is in `declarations.py`."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.callees import ArgumentsAreUnchecked
from control_plane_server.catalog.invocation_pages import PageStart
from control_plane_server.catalog.paths import LATEST_VERSION, PROJECT, searchable
from control_plane_server.catalog.schedules.columns import SCHEDULE_COLUMNS, to_schedule
from control_plane_server.catalog.schedules.declarations import lock_schedules
from control_plane_server.catalog.schedules.table import ScheduleRow
from control_plane_server.catalog.tables import FunctionRow, ProjectRow, epoch_second
from control_plane_server.domain.bounds import MAX_SCHEDULES_SET
from control_plane_server.domain.errors import (
    FunctionDoesNotExist,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ScheduleDoesNotExist,
    ScheduleIsDeclared,
    TooManySchedules,
)
from control_plane_server.domain.identifiers import new_schedule_id
from control_plane_server.domain.schedules import Schedule, ScheduleSpec

_NOW = func.statement_timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePage:
    """`next_offset`: where the next page begins; None on the last page."""

    schedules: tuple[Schedule, ...]
    next_offset: str | None


class ScheduleRepository:
    """The connection's owner commits. Where a schedule is named, raises ProjectDoesNotExist, ScheduleDoesNotExist."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(
        self, project_name: str, function_name: str, spec: ScheduleSpec, *, checked: Collection[int] = ()
    ) -> Schedule:
        """Set a schedule, whether it is new or not; whether it is paused stays as it is. Needs a transaction.

        Raises ProjectDoesNotExist, ProjectIsBeingDeleted, FunctionDoesNotExist if the latest version has no such
        function, ArgumentsAreUnchecked as a submit does, ScheduleIsDeclared, TooManySchedules.
        """
        await self._ensure_function(project_name, function_name, checked)
        values = {**asdict(spec), "overlap": spec.overlap.value, "function_name": function_name}
        new = insert(ScheduleRow).values(
            schedule_id=new_schedule_id(), project_name=project_name, is_declared=False, **values
        )
        try:
            written = await self._connection.execute(
                new.on_conflict_do_update(
                    constraint="schedules_by_name",
                    set_={**values, "is_without_function": False, "last_update_time": _NOW},
                    where=~ScheduleRow.is_declared,
                ).returning(*SCHEDULE_COLUMNS)
            )
        except IntegrityError as error:  # it was deleted since it was looked for
            raise ProjectDoesNotExist from error
        row = written.one_or_none()
        if row is None:
            raise ScheduleIsDeclared
        count = select(func.count()).where(ScheduleRow.project_name == project_name, ~ScheduleRow.is_declared)
        if (await self._connection.scalar(count) or 0) > MAX_SCHEDULES_SET:
            raise TooManySchedules
        return to_schedule(row)

    async def get(self, project_name: str, schedule_name: str) -> Schedule:
        found = await self._connection.execute(select(*SCHEDULE_COLUMNS).where(*_is(project_name, schedule_name)))
        row = found.one_or_none()
        if row is None:
            raise await self._missing(project_name)
        return to_schedule(row)

    async def pause(self, project_name: str, schedule_name: str, *, reason: str | None) -> Schedule:
        """From now on it calls nothing. Of one that is paused the time stays."""
        pause_time = func.coalesce(ScheduleRow.pause_time, _NOW)
        return await self._update(project_name, schedule_name, {"pause_time": pause_time, "pause_reason": reason})

    async def resume(self, project_name: str, schedule_name: str) -> Schedule:
        """What came to be due meanwhile is not made up for."""
        return await self._update(project_name, schedule_name, {"pause_time": None, "pause_reason": None})

    async def delete(self, project_name: str, schedule_name: str) -> Schedule:
        """What it has made goes on. Raises ScheduleIsDeclared."""
        deleted = await self._connection.execute(
            delete(ScheduleRow)
            .where(*_is(project_name, schedule_name), ~ScheduleRow.is_declared)
            .returning(*SCHEDULE_COLUMNS)
        )
        row = deleted.one_or_none()
        if row is None:
            await self.get(project_name, schedule_name)
            raise ScheduleIsDeclared
        return to_schedule(row)

    async def list_of_project(self, project_name: str, *, offset: str | None, max_results: int) -> SchedulePage:
        """Newest first by whole seconds, then by name. Raises ProjectDoesNotExist, OffsetIsInvalid."""
        second = epoch_second(ScheduleRow.creation_time)
        page = (
            select(*SCHEDULE_COLUMNS, second.label("second"))
            .where(ScheduleRow.project_name == searchable(project_name))
            .order_by(second.desc(), ScheduleRow.schedule_name)
            .limit(max_results + 1)
        )
        if offset is not None:
            start = PageStart.parse(offset)
            is_later = (second == start.second) & (ScheduleRow.schedule_name >= start.item_id)
            page = page.where(or_(second < start.second, is_later))
        rows = (await self._connection.execute(page)).all()
        if not rows:
            await self._ensure_project(project_name)
        following = rows[max_results] if len(rows) > max_results else None
        return SchedulePage(
            schedules=tuple(to_schedule(row) for row in rows[:max_results]),
            next_offset=(
                None if following is None else str(PageStart(second=following.second, item_id=following.schedule_name))
            ),
        )

    async def after(self, schedule_id: str, *, at_most: int) -> tuple[tuple[Schedule, timedelta], ...]:
        """Of all projects, in the order of their ids, behind this one; each with how long ago it was changed."""
        found = await self._connection.execute(
            select(*SCHEDULE_COLUMNS, (_NOW - ScheduleRow.last_update_time).label("unchanged"))
            .where(ScheduleRow.schedule_id > schedule_id)
            .order_by(ScheduleRow.schedule_id)
            .limit(at_most)
        )
        return tuple((to_schedule(row), row.unchanged) for row in found)

    async def _update(self, project_name: str, schedule_name: str, values: Mapping[str, Any]) -> Schedule:
        updated = await self._connection.execute(
            update(ScheduleRow)
            .where(*_is(project_name, schedule_name))
            .values(**values, last_update_time=_NOW)
            .returning(*SCHEDULE_COLUMNS)
        )
        row = updated.one_or_none()
        if row is None:
            raise await self._missing(project_name)
        return to_schedule(row)

    async def _ensure_function(self, project_name: str, function_name: str, checked: Collection[int]) -> None:
        """In the latest version, which stays the latest for schedules until the commit."""
        await lock_schedules(self._connection, project_name)
        found = await self._connection.execute(
            select(
                ProjectRow.deletion_request_time, FunctionRow.function_id, FunctionRow.signature, FunctionRow.command
            )
            .select_from(ProjectRow)
            .outerjoin(
                FunctionRow,
                and_(FunctionRow.version_id == LATEST_VERSION, FunctionRow.function_name == searchable(function_name)),
            )
            .where(ProjectRow.project_name == PROJECT),
            {PROJECT.key: searchable(project_name)},
        )
        row = found.one_or_none()
        if row is None:
            raise ProjectDoesNotExist
        if row.deletion_request_time is not None:
            raise ProjectIsBeingDeleted
        if row.function_id is None:
            raise FunctionDoesNotExist
        if row.signature is not None and row.command is None and row.function_id not in checked:
            raise ArgumentsAreUnchecked(
                function_id=row.function_id, function_name=function_name, signature=row.signature
            )

    async def _missing(self, project_name: str) -> Exception:
        await self._ensure_project(project_name)
        return ScheduleDoesNotExist()

    async def _ensure_project(self, project_name: str) -> None:
        found = await self._connection.scalar(
            select(literal(1)).where(ProjectRow.project_name == searchable(project_name))
        )
        if found is None:
            raise ProjectDoesNotExist


def _is(project_name: str, schedule_name: str) -> tuple[ColumnElement[bool], ...]:
    return (
        ScheduleRow.project_name == searchable(project_name),
        ScheduleRow.schedule_name == searchable(schedule_name),
    )
