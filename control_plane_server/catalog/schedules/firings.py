"""Makes the invocation of a time of a schedule: one, however often it is tried."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.callees import ArgumentsAreUnchecked
from control_plane_server.catalog.invocations import InvocationRepository, NewInvocation
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.schedules.columns import SCHEDULE_COLUMNS, to_schedule
from control_plane_server.catalog.schedules.overlaps import Decision, Situation, decide
from control_plane_server.catalog.schedules.table import ScheduleRow
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.entities import Invocation, InvocationStatus
from control_plane_server.domain.errors import (
    FunctionDoesNotExist,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ScheduleDoesNotExist,
    VersionDoesNotExist,
)
from control_plane_server.domain.identifiers import (
    InvocationId,
    ScheduleId,
    new_invocation_id,
    scheduled_invocation_id,
    triggered_invocation_id,
)
from control_plane_server.domain.schedules import CATCH_UP_WINDOW, Overlap, Schedule, ScheduledCall

_NOW = func.clock_timestamp()
# Who waits looks every half minute at least: one that has not for so long waits no more.
_WAITS_NO_MORE = timedelta(minutes=5)
_MOST_CANCELLED = 1_000
_NOBODY_TO_CALL = (ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist, ProjectIsBeingDeleted)


class FiringState(StrEnum):
    """STARTED: there is an invocation. WAITING: for the end of another one: try again. SKIPPED: there is none, and will
    be none. UNKNOWN: there is no such schedule any more."""

    STARTED = "STARTED"
    WAITING = "WAITING"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """`invocation_id`: of one that was STARTED. `cancelled`: invocations whose workflows are to be cancelled.
    `reason`: why it was SKIPPED. `is_missed`: as it came too late."""

    state: FiringState
    invocation_id: InvocationId | None = None
    cancelled: tuple[InvocationId, ...] = ()
    reason: str | None = None
    is_missed: bool = False


class FiringRepository:
    """In the caller's transaction, under the lock of the schedule's row."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def fire(self, schedule_id: ScheduleId, scheduled_time: datetime, *, has_waited: bool = False) -> Firing:
        """Make the invocation of a time, unless there is one, by the overlap of the schedule. `has_waited`: an earlier
        try was answered WAITING, so that it is not too late now."""
        found = await self._connection.execute(
            select(
                *SCHEDULE_COLUMNS,
                (_NOW - scheduled_time).label("lateness"),
                (ScheduleRow.waiting_look_time > _NOW - _WAITS_NO_MORE).label("waits"),
            )
            .where(ScheduleRow.schedule_id == schedule_id)
            .with_for_update(key_share=True)
        )
        row = found.one_or_none()
        if row is None:
            return Firing(state=FiringState.UNKNOWN)
        schedule = to_schedule(row)
        invocation_id = scheduled_invocation_id(schedule_id, scheduled_time)
        if await self._exists(invocation_id):
            return Firing(state=FiringState.STARTED, invocation_id=invocation_id)
        if schedule.is_resting:
            return Firing(state=FiringState.SKIPPED, reason=schedule.rest_reason)
        if row.lateness > CATCH_UP_WINDOW + timedelta(seconds=schedule.spec.jitter_seconds) and not has_waited:
            skipped = await self._skip(schedule_id, scheduled_time, "missed: it came more than an hour late")
            return replace(skipped, is_missed=True)
        return await self._by_overlap(schedule, scheduled_time, waiting=row.waiting_time if row.waits else None)

    async def _by_overlap(self, schedule: Schedule, scheduled_time: datetime, *, waiting: datetime | None) -> Firing:
        schedule_id, overlap = schedule.schedule_id, schedule.spec.overlap
        running = [] if overlap is Overlap.ALLOW_ALL else await self._running(schedule_id)
        decision = decide(overlap, scheduled_time, Situation(runs=bool(running), waiting=waiting))
        if decision is Decision.SKIP:
            return await self._skip(schedule_id, scheduled_time, "an invocation of the schedule still ran")
        if decision is Decision.WAIT:
            await self._note_waiting(schedule_id, scheduled_time)
            cancelled = await self._cancel(running) if overlap is Overlap.CANCEL_OTHER else ()
            return Firing(state=FiringState.WAITING, cancelled=cancelled)
        if waiting is not None:
            await self._note_waiting(schedule_id, None)
        invocation_id = scheduled_invocation_id(schedule_id, scheduled_time)
        try:
            await self._start(schedule, scheduled_time, invocation_id=invocation_id)
        except _NOBODY_TO_CALL as error:
            return await self._skip(schedule_id, scheduled_time, str(error))
        return Firing(state=FiringState.STARTED, invocation_id=invocation_id)

    async def trigger(self, schedule: Schedule, *, idempotency_key: str | None) -> tuple[Invocation, bool]:
        """Make an invocation now, whatever runs, or find the one of this key; and whether it is new. Raises
        ScheduleDoesNotExist, and what `InvocationRepository.create` raises."""
        await self._lock(schedule)
        now = (await self._connection.execute(select(_NOW))).scalar_one()
        if idempotency_key is None:
            return await self._start(schedule, now, invocation_id=new_invocation_id()), True
        invocation_id = triggered_invocation_id(schedule.schedule_id, idempotency_key)
        if await self._exists(invocation_id):
            return await InvocationRepository(self._connection).get_by_id(invocation_id), False
        return await self._start(schedule, now, invocation_id=invocation_id), True

    async def fill(self, schedule: Schedule, times: Sequence[datetime]) -> tuple[Invocation, ...]:
        """Make the invocations of these times, whatever runs; those that there are already stay. Returns the new ones.
        Raises ScheduleDoesNotExist, and what `InvocationRepository.create` raises."""
        await self._lock(schedule)
        by_id = {scheduled_invocation_id(schedule.schedule_id, time): time for time in times}
        return tuple(
            [
                await self._start(schedule, time, invocation_id=invocation_id)
                for invocation_id, time in by_id.items()
                if not await self._exists(invocation_id)
            ]
        )

    async def _lock(self, schedule: Schedule) -> None:
        locked = select(ScheduleRow.schedule_id).where(ScheduleRow.schedule_id == schedule.schedule_id)
        if await self._connection.scalar(locked.with_for_update(key_share=True)) is None:
            raise ScheduleDoesNotExist

    async def _start(self, schedule: Schedule, scheduled_time: datetime, *, invocation_id: InvocationId) -> Invocation:
        """Of the latest version. Its input was checked when it was set: if it is wrong for that version, the invocation
        fails and says so."""
        path = FunctionPath(
            project_name=schedule.project_name, version_ref="latest", function_name=schedule.function_name
        )
        call = ScheduledCall(
            schedule_id=schedule.schedule_id,
            schedule_name=schedule.spec.schedule_name,
            scheduled_time=scheduled_time,
            invocation_id=invocation_id,
        )
        new = NewInvocation(input=schedule.spec.input, scheduled=call)
        invocations = InvocationRepository(self._connection)
        try:
            return await invocations.create(path, new)
        except ArgumentsAreUnchecked as unchecked:
            return await invocations.create(path, new, checked=[unchecked.function_id])

    async def _exists(self, invocation_id: InvocationId) -> bool:
        found = select(InvocationRow.invocation_id).where(InvocationRow.invocation_id == invocation_id)
        return await self._connection.scalar(found) is not None

    async def _running(self, schedule_id: ScheduleId) -> list[InvocationId]:
        found = await self._connection.scalars(
            select(InvocationRow.invocation_id)
            .where(InvocationRow.schedule_id == schedule_id, InvocationRow.status == InvocationStatus.RUNNING.value)
            .limit(_MOST_CANCELLED)
        )
        return [InvocationId(invocation_id) for invocation_id in found]

    async def _cancel(self, running: Sequence[InvocationId]) -> tuple[InvocationId, ...]:
        """Record the requests. Returns all: a workflow that was told before may not have been reached."""
        await self._connection.execute(
            update(InvocationRow)
            .where(
                InvocationRow.invocation_id.in_(running),
                InvocationRow.status == InvocationStatus.RUNNING.value,
                InvocationRow.cancellation_request_time.is_(None),
            )
            .values(cancellation_request_time=_NOW, last_update_time=_NOW)
        )
        return tuple(running)

    async def _note_waiting(self, schedule_id: ScheduleId, scheduled_time: datetime | None) -> None:
        await self._connection.execute(
            update(ScheduleRow)
            .where(ScheduleRow.schedule_id == schedule_id)
            .values(waiting_time=scheduled_time, waiting_look_time=None if scheduled_time is None else _NOW)
        )

    async def _skip(self, schedule_id: ScheduleId, scheduled_time: datetime, reason: str) -> Firing:
        await self._connection.execute(
            update(ScheduleRow)
            .where(ScheduleRow.schedule_id == schedule_id)
            .values(last_skipped_time=scheduled_time, last_skip_reason=reason)
        )
        return Firing(state=FiringState.SKIPPED, reason=reason)
