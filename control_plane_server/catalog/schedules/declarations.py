"""Has a project's schedules follow what its latest version declares."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.paths import LATEST_VERSION, PROJECT
from control_plane_server.catalog.schedules.columns import SCHEDULE_COLUMNS, to_schedule, to_specs
from control_plane_server.catalog.schedules.table import ScheduleRow
from control_plane_server.catalog.tables import FunctionRow, ProjectRow, VersionRow
from control_plane_server.domain.errors import ScheduleNameIsTaken
from control_plane_server.domain.identifiers import FunctionName, ScheduleId, new_schedule_id
from control_plane_server.domain.schedules import Schedule, ScheduleSpec

_NOW = func.statement_timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChanges:
    """What Temporal is to be told."""

    changed: tuple[Schedule, ...] = ()
    removed: tuple[ScheduleId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    function_name: FunctionName
    spec: ScheduleSpec

    def values(self) -> dict[str, Any]:
        return {**asdict(self.spec), "overlap": self.spec.overlap.value, "function_name": self.function_name}


# Of a ProjectRow: whether it has schedules, and whether any version of it declares some.
HAS_SCHEDULES: ColumnElement[bool] = exists().where(ScheduleRow.project_name == ProjectRow.project_name)
DECLARES_SCHEDULES: ColumnElement[bool] = exists().where(
    VersionRow.project_name == ProjectRow.project_name,
    FunctionRow.version_id == VersionRow.version_id,
    FunctionRow.schedules.is_not(None),
)


async def lock_schedules(connection: AsyncConnection, project_name: str) -> None:
    """Until the commit: whoever waits for it sees what was committed meanwhile, whichever is latest then."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"schedules:{project_name}", 0))))


class ScheduleDeclarations:
    """In the caller's transaction. May be repeated: what is as declared stays untouched."""

    def __init__(self, connection: AsyncConnection, project_name: str) -> None:
        self._connection = connection
        self._project_name = project_name

    async def follow_latest(self, *, refuses_taken_names: bool = False) -> ScheduleChanges:
        """Add, change and remove declared schedules, so that they are those of the latest version; have those that were
        set by REST rest while it has no such function. One that is set keeps its name: with `refuses_taken_names`
        raises ScheduleNameIsTaken.
        """
        await lock_schedules(self._connection, self._project_name)
        functions = await self._functions()
        declared = {
            spec.schedule_name: _Declared(function_name=name, spec=spec)
            for name, specs in functions.items()
            for spec in specs
        }
        found = await self._connection.execute(
            select(*SCHEDULE_COLUMNS).where(ScheduleRow.project_name == self._project_name)
        )
        there = [to_schedule(row) for row in found]
        taken = {one.spec.schedule_name for one in there if not one.is_declared}
        if refuses_taken_names and (both := taken & declared.keys()):
            raise ScheduleNameIsTaken(f"{ScheduleNameIsTaken.default_message()} ({min(both)})")
        wanted = {name: one for name, one in declared.items() if name not in taken}
        removed = tuple(one.schedule_id for one in there if one.is_declared and one.spec.schedule_name not in wanted)
        await self._remove(removed)
        changed = await self._change(there, wanted)
        changed += await self._add(
            [one for name, one in wanted.items() if name not in {one.spec.schedule_name for one in there}]
        )
        changed += await self._rest([one for one in there if not one.is_declared], functions)
        return ScheduleChanges(changed=tuple(changed), removed=removed)

    async def _functions(self) -> dict[FunctionName, tuple[ScheduleSpec, ...]]:
        found = await self._connection.execute(
            select(FunctionRow.function_name, FunctionRow.schedules).where(FunctionRow.version_id == LATEST_VERSION),
            {PROJECT.key: self._project_name},
        )
        return {FunctionName(row.function_name): to_specs(row.schedules) for row in found}

    async def _remove(self, removed: Sequence[ScheduleId]) -> None:
        if removed:
            await self._connection.execute(delete(ScheduleRow).where(ScheduleRow.schedule_id.in_(removed)))

    async def _change(self, there: Sequence[Schedule], wanted: Mapping[str, _Declared]) -> list[Schedule]:
        changed = []
        for schedule in there:
            declared = wanted.get(schedule.spec.schedule_name)
            if declared is None or (declared.spec, declared.function_name) == (schedule.spec, schedule.function_name):
                continue
            changed.append(await self._update(schedule.schedule_id, declared.values()))
        return changed

    async def _add(self, new: Sequence[_Declared]) -> list[Schedule]:
        if not new:
            return []
        rows = [
            {
                "schedule_id": new_schedule_id(),
                "project_name": self._project_name,
                "is_declared": True,
                **declared.values(),
            }
            for declared in new
        ]
        added = await self._connection.execute(insert(ScheduleRow).values(rows).returning(*SCHEDULE_COLUMNS))
        return [to_schedule(row) for row in added]

    async def _rest(self, schedules: Sequence[Schedule], functions: Mapping[FunctionName, object]) -> list[Schedule]:
        return [
            await self._update(one.schedule_id, {"is_without_function": one.function_name not in functions})
            for one in schedules
            if one.is_without_function == (one.function_name in functions)
        ]

    async def _update(self, schedule_id: ScheduleId, values: Mapping[str, Any]) -> Schedule:
        updated = await self._connection.execute(
            update(ScheduleRow)
            .where(ScheduleRow.schedule_id == schedule_id)
            .values(**values, last_update_time=_NOW)
            .returning(*SCHEDULE_COLUMNS)
        )
        return to_schedule(updated.one())
