"""/projects/…/costs: what a project's containers took, and what that costs by the operator's prices."""

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Query, Request

from api.authorization import require_root
from api.errors import documented
from api.routers import new_router
from api.schemas.costs import CostsOfProject, FunctionCosts
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.costs import ConsumptionRepository
from control_plane_server.domain.bounds import MAX_COST_DAYS, MAX_EPOCH_SECONDS
from control_plane_server.domain.errors import ApiKeyIsInvalid, ProjectDoesNotExist, ServiceIsUnavailable, SpanIsTooLong

_Second = Annotated[int, Query(ge=0, le=MAX_EPOCH_SECONDS - 86_400)]
# After these a page ends with the day that it is at: each day is a statement.
_PAGE_SECONDS = 2.0
_PAGE_DAYS = 31

router = new_router(Tag.PROJECTS, responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable))


@router.get(
    "/projects/{project_name}/costs",
    dependencies=[Depends(require_root)],
    responses=documented(ProjectDoesNotExist, SpanIsTooLong),
)
async def get_project_costs(
    project_name: str, request: Request, since: _Second, until: _Second | None = None
) -> CostsOfProject:
    """What containers took from `since`, up to `until` or now, by function and day of UTC; 400 days at the most. A page
    may end before `until`: then `next_since` goes on. What retention has deleted is not in it."""
    services = services_of(request)
    now = datetime.now(UTC)
    begin = datetime.fromtimestamp(since, UTC)
    end = min(now, datetime.fromtimestamp(until, UTC)) if until is not None else now
    if end - begin > timedelta(days=MAX_COST_DAYS):
        raise SpanIsTooLong
    async with services.database.statement() as connection:
        await ConsumptionRepository(connection).require_project(project_name)
    costs: list[FunctionCosts] = []
    day, days = begin.date(), 0
    page_end = time.monotonic() + _PAGE_SECONDS
    while datetime.combine(day, datetime.min.time(), UTC) < end:
        if days and (days == _PAGE_DAYS or time.monotonic() > page_end):
            break
        async with services.database.statement() as connection:
            found = await ConsumptionRepository(connection).of_day(project_name, day, since=begin, until=end)
        costs += [FunctionCosts.of(one, services.prices) for one in found]
        day, days = day + timedelta(days=1), days + 1
    rest = datetime.combine(day, datetime.min.time(), UTC)
    return CostsOfProject(
        project_name=project_name,
        since=since,
        until=int(end.timestamp()),
        currency=None if services.prices is None else services.prices.currency,
        costs=costs,
        next_since=int(rest.timestamp()) if rest < end else None,
    )
