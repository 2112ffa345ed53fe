"""/projects/…/schedules: set, read, paused, triggered, backfilled, deleted."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Header, Query, Request

from api.authorization import require_root
from api.errors import documented
from api.routers import new_router
from api.schemas.invocations import InvocationInfo
from api.schemas.schedules import (
    BackfillDefinition,
    BackfillInfo,
    PauseReason,
    ScheduleDefinition,
    ScheduleInfo,
    ScheduleName,
    SchedulesListForProject,
)
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.catalog.schedules.firings import FiringRepository
from control_plane_server.catalog.schedules.schedules import ScheduleRepository
from control_plane_server.domain.bounds import (
    MAX_BACKFILL_TIMES,
    MAX_IDEMPOTENCY_KEY_LENGTH,
    MAX_SCHEDULES_PER_PAGE,
)
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BodyIsTooLarge,
    FunctionDoesNotExist,
    OffsetIsInvalid,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ScheduleDoesNotExist,
    ScheduleIsDeclared,
    ServiceIsUnavailable,
    TemporalIsAway,
    TooManySchedules,
    TooManyTimes,
)
from control_plane_server.domain.schedules import Schedule

_SCHEDULES = "/projects/{project_name}/schedules"
_SCHEDULE = _SCHEDULES + "/{schedule_name}"
_MISSING = (ProjectDoesNotExist, ScheduleDoesNotExist)
_UNCALLABLE = (*_MISSING, FunctionDoesNotExist, ProjectIsBeingDeleted)

router = new_router(
    Tag.SCHEDULES, dependencies=[Depends(require_root)], responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable)
)


@router.get(_SCHEDULES, responses=documented(ProjectDoesNotExist, OffsetIsInvalid))
async def list_schedules(
    *,
    project_name: str,
    request: Request,
    max_results: Annotated[int, Query(ge=0)] = MAX_SCHEDULES_PER_PAGE,
    initial_offset: str | None = None,
) -> SchedulesListForProject:
    """A project's schedules, newest first, page by page: `next_offset` is the next page's `initial_offset`."""
    async with services_of(request).database.statement() as connection:
        page = await ScheduleRepository(connection).list_of_project(
            project_name, offset=initial_offset, max_results=min(max_results, MAX_SCHEDULES_PER_PAGE)
        )
    return SchedulesListForProject.of(project_name, page)


@router.put(
    _SCHEDULE,
    responses=documented(
        ProjectDoesNotExist,
        FunctionDoesNotExist,
        ProjectIsBeingDeleted,
        ScheduleIsDeclared,
        TooManySchedules,
        BodyIsTooLarge,
    ),
)
async def set_schedule(
    project_name: str, schedule_name: ScheduleName, definition: ScheduleDefinition, request: Request
) -> ScheduleInfo:
    """Set a schedule, whether it is new or not. Deploys leave it as it is; while the latest version has no such
    function, it is paused."""
    services = services_of(request)
    spec = definition.to_domain(schedule_name)

    async def create(checked: Sequence[int]) -> Schedule:
        async with services.database.transaction() as connection:
            return await ScheduleRepository(connection).put(
                project_name, definition.function_name, spec, checked=checked
            )

    path = FunctionPath(project_name=project_name, version_ref="latest", function_name=definition.function_name)
    schedule = await services.arguments.create(path, [spec.input], is_batch=False, create=create)
    return await _matched(request, schedule)


@router.get(_SCHEDULE, responses=documented(*_MISSING))
async def get_schedule(project_name: str, schedule_name: str, request: Request) -> ScheduleInfo:
    """A schedule, with its next times."""
    services = services_of(request)
    schedule = await _get(request, project_name, schedule_name)
    next_times = [] if schedule.is_resting else await services.orchestrator.next_times(schedule.schedule_id)
    return ScheduleInfo.of(schedule, next_times=next_times)


@router.delete(_SCHEDULE, responses=documented(*_MISSING, ScheduleIsDeclared))
async def delete_schedule(project_name: str, schedule_name: str, request: Request) -> ScheduleInfo:
    """Delete a schedule that was set. What it has called goes on."""
    services = services_of(request)
    async with services.database.transaction() as connection:
        schedule = await ScheduleRepository(connection).delete(project_name, schedule_name)
    await services.orchestrator.match_schedules([], removed=[schedule.schedule_id])
    return ScheduleInfo.of(schedule)


@router.put(_SCHEDULE + "/pause", responses=documented(*_MISSING))
async def pause_schedule(
    *,
    project_name: str,
    schedule_name: str,
    request: Request,
    reason: PauseReason | None = None,
) -> ScheduleInfo:
    """Have it call nothing until it is resumed, also if it is declared, and whatever is deployed."""
    async with services_of(request).database.statement() as connection:
        schedule = await ScheduleRepository(connection).pause(project_name, schedule_name, reason=reason)
    return await _matched(request, schedule)


@router.put(_SCHEDULE + "/resume", responses=documented(*_MISSING))
async def resume_schedule(project_name: str, schedule_name: str, request: Request) -> ScheduleInfo:
    """Have it call again. What came to be due meanwhile is left to a backfill."""
    async with services_of(request).database.statement() as connection:
        schedule = await ScheduleRepository(connection).resume(project_name, schedule_name)
    return await _matched(request, schedule)


@router.post(_SCHEDULE + "/trigger", responses=documented(*_UNCALLABLE))
async def trigger_schedule(
    project_name: str,
    schedule_name: str,
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=MAX_IDEMPOTENCY_KEY_LENGTH, pattern="^[ -~]+$")
    ] = None,
) -> InvocationInfo:
    """Make its call now, whatever runs, and also if it is paused. With an Idempotency-Key, a repeated request answers
    with the first one's invocation."""
    services = services_of(request)
    schedule = await _get(request, project_name, schedule_name)
    async with services.database.transaction() as connection:
        invocation, is_new = await FiringRepository(connection).trigger(schedule, idempotency_key=idempotency_key)
    if is_new:
        await services.orchestrator.start_invocation(invocation)
    return InvocationInfo.of(invocation)


@router.post(_SCHEDULE + "/backfill", responses=documented(*_UNCALLABLE, TooManyTimes, TemporalIsAway, BodyIsTooLarge))
async def backfill_schedule(
    project_name: str, schedule_name: str, definition: BackfillDefinition, request: Request
) -> BackfillInfo:
    """Make the calls of times that have passed, at most 200, whatever runs, and also if it is paused. Times that have
    an invocation already get no other one, so it may be repeated."""
    services = services_of(request)
    schedule = await _get(request, project_name, schedule_name)
    start, end = _time(definition.start), min(_time(definition.end), datetime.now(UTC))
    times = await services.orchestrator.times_between(schedule.schedule_id, start, end) if start <= end else []
    if len(times) > MAX_BACKFILL_TIMES:
        raise TooManyTimes
    async with services.database.transaction() as connection:
        made = await FiringRepository(connection).fill(schedule, times)
    await asyncio.gather(*(services.orchestrator.start_invocation(invocation) for invocation in made))
    return BackfillInfo(
        project_name=project_name,
        schedule_name=schedule_name,
        times=len(times),
        invocation_ids=[invocation.invocation_id for invocation in made],
    )


async def _get(request: Request, project_name: str, schedule_name: str) -> Schedule:
    async with services_of(request).database.statement() as connection:
        return await ScheduleRepository(connection).get(project_name, schedule_name)


async def _matched(request: Request, schedule: Schedule) -> ScheduleInfo:
    await services_of(request).orchestrator.match_schedules([schedule])
    return ScheduleInfo.of(schedule)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
