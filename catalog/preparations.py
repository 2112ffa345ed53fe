"""What is noted of a function's preparation: what to prepare, READY, or the reason why never."""

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.converters import to_function
from catalog.execution_lifecycle.slots import Grant, SlotQueue
from catalog.tables import FunctionRow, ProjectRow, VersionRow, columns_of
from domain.entities import Function, FunctionStatus, PreparedFunction
from domain.errors import ProjectIsBeingDeleted
from domain.identifiers import FunctionRef


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunPreparation:
    """`is_closing`: the project's deletion has begun since. What an earlier try made is wanted, and nothing new."""

    function: Function
    is_closing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledFunction:
    """What a function's preparation came to, and who got a slot by it."""

    identifier: str | None
    preparation_error: str | None
    grants: tuple[Grant, ...]


_SETTLED = (
    FunctionRow.function_id,
    FunctionRow.status,
    FunctionRow.prepared_identifier,
    FunctionRow.preparation_error,
)


class PreparationRepository:
    """Inside the caller's transaction. What is settled stays: the second answer changes nothing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._slots = SlotQueue(connection)

    async def begin(self, function: FunctionRef) -> BegunPreparation | None:
        """The function as declared, once it is noted that the provisioner is asked: whoever deletes the project then
        waits for what comes of it. None if there is nothing to prepare any more.

        A preparation that was begun before its project's deletion is to be settled: something may be there that only
        the provisioner finds again.
        """
        # Locked until the commit: the deletion sees the note, or this sees that the deletion has begun.
        is_closing = await self._connection.scalar(
            select(ProjectRow.closing_time.is_not(None))
            .where(ProjectRow.project_name == function.project_name)
            .with_for_update(read=True)
        )
        found = await self._connection.execute(
            select(*columns_of(FunctionRow, VersionRow))
            .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
            .where(
                VersionRow.project_name == function.project_name,
                FunctionRow.version_id == function.version_id,
                FunctionRow.function_name == function.function_name,
                FunctionRow.status == FunctionStatus.PENDING,
                FunctionRow.preparation_error.is_(None),
            )
            .with_for_update(key_share=True, of=FunctionRow)
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
        return BegunPreparation(function=to_function(row), is_closing=bool(is_closing))

    async def mark_ready(self, function: FunctionRef, prepared: PreparedFunction) -> SettledFunction:
        """READY: whoever waits gets a slot, the oldest first."""
        return await self._settle(
            function,
            {
                "status": FunctionStatus.READY,
                "prepared_type": prepared.type,
                "prepared_identifier": prepared.identifier,
            },
        )

    async def mark_unpreparable(self, function: FunctionRef, reason: str) -> SettledFunction:
        """PENDING for ever: whoever waits is granted a turn, in which it learns the reason and ends."""
        return await self._settle(function, {"preparation_error": reason})

    async def settled(self, function: FunctionRef) -> SettledFunction:
        """What was marked before, and the grants that may not have been told since."""
        return await self._settle(function, {})

    async def _settle(self, function: FunctionRef, values: dict[str, str]) -> SettledFunction:
        found = await self._connection.execute(
            select(*_SETTLED)
            .where(FunctionRow.version_id == function.version_id, FunctionRow.function_name == function.function_name)
            .with_for_update(key_share=True)
        )
        row = found.one_or_none()
        if row is None:  # deleted with its project
            return SettledFunction(identifier=None, preparation_error=None, grants=())
        is_new = bool(values) and row.status == FunctionStatus.PENDING and row.preparation_error is None
        if is_new:
            settled = await self._connection.execute(
                update(FunctionRow)
                .where(FunctionRow.function_id == row.function_id)
                .values(**values)
                .returning(*_SETTLED)
            )
            row = settled.one()
        granted = await self._slots.grant_free_slots(row.function_id)
        return SettledFunction(
            identifier=row.prepared_identifier,
            preparation_error=row.preparation_error,
            grants=granted if is_new else await self._slots.unsignalled_grants(row.function_id),
        )
