"""/ui/projects/…: what a project has."""

from datetime import UTC, datetime

from fastapi import Request
from starlette.responses import Response

from api.console import links
from api.console.invocation_lists import read_invocations
from api.console.rendering import render
from api.console.routers import page_router
from api.console.views.filters import failed_query
from api.console.views.hindrances import notices
from api.console.views.loads import loads_of_functions
from api.console.views.times import DAY
from api.services import services_of
from control_plane_server.catalog.hindrances import HindranceRepository
from control_plane_server.catalog.load import LoadRepository
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.recent_failures import RecentFailureRepository
from control_plane_server.catalog.schedules.schedules import ScheduleRepository
from control_plane_server.catalog.secrets import SecretRepository
from control_plane_server.catalog.version_pages import VersionPageRepository
from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.catalog.webhooks.declarations import WebhookRepository
from control_plane_server.domain.bounds import MAX_WEBHOOKS
from control_plane_server.domain.errors import VersionDoesNotExist

router = page_router()

_FUNCTIONS_PER_PAGE = 100
_PER_PAGE = 50
_MOST_VERSIONS = 5  # on the project's page
_MOST_NOTICES = 20
_MOST_BUSY = 1_000  # functions


@router.get("/ui/projects/{project_name}")
async def show_project(
    *,
    project_name: str,
    request: Request,
    functions: str | None = None,
    schedules: str | None = None,
    secrets: str | None = None,
) -> Response:
    """`functions`, `schedules` and `secrets`: where the page of each of these lists begins."""
    now = datetime.now(UTC)
    since = now - DAY
    async with services_of(request).database.statement() as connection:
        project = await ProjectRepository(connection).get(project_name)
        try:
            latest = await VersionRepository(connection).get(project_name, "latest")
        except VersionDoesNotExist:
            latest = None
        declared = sorted(latest.functions if latest else (), key=lambda one: one.ref.function_name)
        listed = [one for one in declared if functions is None or one.ref.function_name >= searchable(functions)]
        shown, following = listed[:_FUNCTIONS_PER_PAGE], listed[_FUNCTIONS_PER_PAGE:]
        failures = await RecentFailureRepository(connection).of_functions(project_name, since=since)
        busy = await LoadRepository(connection).read(at_most=_MOST_BUSY)
        hindrances = HindranceRepository(connection)
        at_rest = await hindrances.of_functions([project_name], at_most=_MOST_NOTICES)
        launches = await hindrances.of_launches(at_most=_MOST_BUSY)
        versions = await VersionPageRepository(connection).read(project_name, start=None, at_most=_MOST_VERSIONS)
        schedule_page = await ScheduleRepository(connection).list_of_project(
            project_name, offset=schedules, max_results=_PER_PAGE
        )
        secret_page = await SecretRepository(connection).list_of_project(
            project_name, offset=secrets, max_results=_PER_PAGE
        )
        webhook_page = await WebhookRepository(connection).list_of_project(
            project_name, offset=None, max_results=MAX_WEBHOOKS
        )
    of_project = [one for one in launches if one.project_name == project_name]
    return render(
        request,
        "project.html",
        project=project,
        functions=shown,
        functions_in_all=len(declared),
        is_first=functions is None,
        next_function=following[0].ref.function_name if following else None,
        loads=loads_of_functions(busy, project_name),
        failed=failures.counts,
        all_are_counted=failures.is_complete,
        failed_query=failed_query(since),
        notices=notices([project], (*of_project, *at_rest), now),
        versions=versions,
        schedules=schedule_page,
        is_first_of_schedules=schedules is None,
        secrets=secret_page,
        is_first_of_secrets=secrets is None,
        webhooks=webhook_page.webhooks,
    )


@router.get("/ui/projects/{project_name}/versions")
async def show_versions(project_name: str, request: Request, start: str | None = None) -> Response:
    """Those that were declared last come first, from this id on."""
    async with services_of(request).database.statement() as connection:
        found = await VersionPageRepository(connection).read(project_name, start=start, at_most=_PER_PAGE + 1)
    versions, following = found[:_PER_PAGE], found[_PER_PAGE:]
    next_start = following[0].version_id if following else None
    return render(
        request,
        "versions.html",
        project_name=project_name,
        versions=versions,
        is_first=start is None,
        next_start=next_start,
    )


@router.get("/ui/projects/{project_name}/invocations")
async def show_project_invocations(project_name: str, request: Request) -> Response:
    path = links.project_invocations(project_name)
    listed = await read_invocations(request, project_name, path=path)
    return render(
        request, "project_invocations.html", status_code=listed.status_code, project_name=project_name, listed=listed
    )
