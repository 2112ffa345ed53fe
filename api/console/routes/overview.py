"""/ui: the projects, what they do, and what needs a person."""

from datetime import UTC, datetime

from fastapi import Request
from starlette.responses import Response

from api.console import links
from api.console.rendering import render
from api.console.routers import page_router
from api.console.views.filters import failed_query
from api.console.views.hindrances import notices
from api.console.views.loads import loads_of_projects
from api.console.views.times import DAY
from api.services import services_of
from control_plane_server.catalog.hindrances import HindranceRepository
from control_plane_server.catalog.load import LoadRepository
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.recent_failures import RecentFailureRepository

router = page_router()

_PER_PAGE = 50
_MOST_NOTICES = 20
_MOST_BUSY = 1_000  # functions


@router.get(links.OVERVIEW)
async def show_overview(request: Request, start: str | None = None) -> Response:
    """Projects in the order of their names, from this one on."""
    now = datetime.now(UTC)
    since = now - DAY
    async with services_of(request).database.statement() as connection:
        found = await ProjectRepository(connection).list_by_name(start=start, at_most=_PER_PAGE + 1)
        projects, following = found[:_PER_PAGE], found[_PER_PAGE:]
        names = [project.project_name for project in projects]
        functions = await LoadRepository(connection).read(at_most=_MOST_BUSY)
        failed = await RecentFailureRepository(connection).of_projects(names, since=since)
        hindrances = HindranceRepository(connection)
        at_rest = await hindrances.of_functions(names, at_most=_MOST_NOTICES)
        launches = await hindrances.of_launches(at_most=_MOST_NOTICES)
    return render(
        request,
        "overview.html",
        projects=projects,
        loads=loads_of_projects(functions),
        failed=failed,
        failed_query=failed_query(since),
        notices=notices(projects, (*launches, *at_rest), now),
        is_first=start is None,
        next_start=following[0].project_name if following else None,
    )
