"""A function's preparation in the catalog: what to prepare, and its outcome."""

from dataclasses import dataclass

from sqlalchemy import Text, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from control_plane_server.catalog.base import columns_of
from control_plane_server.catalog.converters import to_function
from control_plane_server.catalog.execution_lifecycle.slot_owners import OWNER_ID, group_is_locked, to_owner
from control_plane_server.catalog.execution_lifecycle.slots import Grant, SlotQueue
from control_plane_server.catalog.schedules.declarations import DECLARES_SCHEDULES, HAS_SCHEDULES, ScheduleDeclarations
from control_plane_server.catalog.tables import FunctionRow, ProjectRow, VersionRow
from control_plane_server.domain.entities import Function, FunctionStatus, PreparedFunction
from control_plane_server.domain.errors import ProjectIsBeingDeleted
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.domain.reasons import storable


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """A function to prepare. `is_closing`: its project's deletion has begun: nothing new is to be made, only what an
    earlier try made is to be found."""

    function: Function
    is_closing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparationOutcome:
    """`identifier`: of a READY function. `preparation_error`: why it never will be READY. Both None: the function was
    deleted. `grants`: executions that have a slot by it, to be signalled."""

    identifier: str | None
    preparation_error: str | None
    grants: tuple[Grant, ...]


_OUTCOME_COLUMNS = (
    FunctionRow.function_id,
    FunctionRow.status,
    FunctionRow.prepared_identifier,
    FunctionRow.preparation_error,
    OWNER_ID,
)
_VERSION = bindparam("prepared_version", type_=Text)
_NAME = bindparam("prepared_function", type_=Text)
_PREPARED = aliased(FunctionRow, name="prepared")
_IS_LOCKED_BEHIND_GROUP = (
    FunctionRow.version_id == _VERSION,
    FunctionRow.function_name == _NAME,
    group_is_locked(
        select(_PREPARED.slot_group_id).where(_PREPARED.version_id == _VERSION, _PREPARED.function_name == _NAME)
    ),
)
_LOCKED = select(*_OUTCOME_COLUMNS).where(*_IS_LOCKED_BEHIND_GROUP).with_for_update(key_share=True, of=FunctionRow)


class PreparationRepository:
    """Inside the caller's transaction. The first outcome stays; a second one changes nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)

    async def begin(self, function: FunctionRef) -> Preparation | None:
        """Record that the preparation begins, so that a deletion of the project waits for its outcome, and return the
        function. None if it has an outcome, was deleted, or its project's deletion has begun before.

        A preparation that began before its project's deletion goes on: an earlier try may have made something that only
        the provisioner finds again.
        """
        # Locked until the commit: the deletion sees this preparation, or this sees that the deletion has begun.
        is_closing = await self._connection.scalar(
            select(ProjectRow.closing_time.is_not(None))
            .where(ProjectRow.project_name == function.project_name)
            .with_for_update(read=True)
        )
        found = await self._connection.execute(
            select(*columns_of(FunctionRow, VersionRow), FunctionRow.environment)
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(
                VersionRow.project_name == function.project_name,
                *_IS_LOCKED_BEHIND_GROUP,
                FunctionRow.status == FunctionStatus.PENDING,
                FunctionRow.preparation_error.is_(None),
            )
            .with_for_update(key_share=True, of=FunctionRow),
            {_VERSION.key: function.version_id, _NAME.key: function.function_name},
        )
        row = found.one_or_none()
        if row is None:
            return None
        if row.functions_preparation_start_time is None:
            if is_closing:
                await self.mark_unpreparable(function, ProjectIsBeingDeleted.default_message())
                return None
            await self._connection.execute(
                update(FunctionRow)
                .where(FunctionRow.function_id == row.functions_function_id)
                .values(preparation_start_time=func.clock_timestamp())
            )
        return Preparation(function=to_function(row, environment=row.environment), is_closing=bool(is_closing))

    async def mark_ready(self, function: FunctionRef, prepared: PreparedFunction) -> PreparationOutcome:
        """Make it READY, and give its free slots to waiting executions, oldest invocation first."""
        return await self._record_outcome(
            function,
            {
                "status": FunctionStatus.READY,
                "prepared_type": prepared.type,
                "prepared_identifier": prepared.identifier,
            },
        )

    async def mark_unpreparable(self, function: FunctionRef, reason: str) -> PreparationOutcome:
        """Record why it never will be READY. All waiting executions are granted a slot, in which they end with the
        reason. Another version may be the latest by it: the project's schedules follow that one."""
        outcome = await self._record_outcome(function, {"preparation_error": storable(reason)})
        scheduled = select(HAS_SCHEDULES | DECLARES_SCHEDULES).where(ProjectRow.project_name == function.project_name)
        if await self._connection.scalar(scheduled):
            await ScheduleDeclarations(self._connection, function.project_name).follow_latest()
        return outcome

    async def find_outcome(self, function: FunctionRef) -> PreparationOutcome:
        """The outcome that was recorded before, with the grants that are not recorded as signalled."""
        return await self._record_outcome(function, {})

    async def _record_outcome(self, function: FunctionRef, values: dict[str, str]) -> PreparationOutcome:
        found = await self._connection.execute(
            _LOCKED, {_VERSION.key: function.version_id, _NAME.key: function.function_name}
        )
        row = found.one_or_none()
        if row is None:  # deleted with its project
            return PreparationOutcome(identifier=None, preparation_error=None, grants=())
        is_new = bool(values) and row.status == FunctionStatus.PENDING and row.preparation_error is None
        if is_new:
            updated = await self._connection.execute(
                update(FunctionRow)
                .where(FunctionRow.function_id == row.function_id)
                .values(**values)
                .returning(*_OUTCOME_COLUMNS)
            )
            row = updated.one()
        owner = to_owner(row)
        granted = await self._slots.grant_free_slots(owner, at_most=None)
        return PreparationOutcome(
            identifier=row.prepared_identifier,
            preparation_error=row.preparation_error,
            grants=granted if is_new else await self._slots.unsignalled_grants(owner, at_most=None),
        )
