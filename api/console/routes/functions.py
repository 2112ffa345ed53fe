"""/ui/projects/…/functions/…: a function of all its versions."""

from datetime import UTC, datetime, timedelta

from fastapi import Request
from starlette.responses import JSONResponse, Response

from api.console import links
from api.console.invocation_lists import read_invocations
from api.console.rendering import render
from api.console.routers import page_router
from api.console.views.functions import limits
from api.console.views.hindrances import is_paused
from api.console.views.loads import NOTHING, loads_of_functions
from api.console.views.series import as_columns
from api.console.views.times import DAY
from api.services import services_of
from control_plane_server.catalog.invocation_series import InvocationSeriesRepository, Series
from control_plane_server.catalog.load import LoadRepository
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.domain.entities import Function
from control_plane_server.domain.errors import FunctionDoesNotExist, VersionDoesNotExist

router = page_router()

_CHART_STEP = timedelta(minutes=15)
_TABLE_STEP = timedelta(hours=1)
_MOST_BUSY = 1_000  # functions


@router.get("/ui/projects/{project_name}/functions/{function_name}")
async def show_function(project_name: str, function_name: str, request: Request) -> Response:
    """Of the latest version are the limits; of all versions the queue, the charts and the invocations."""
    path = links.function(project_name, function_name)
    listed = await read_invocations(request, project_name, path=path, function_name=function_name)
    async with services_of(request).database.statement() as connection:
        busy = await LoadRepository(connection).read(at_most=_MOST_BUSY)
        try:
            latest = await VersionRepository(connection).get(project_name, "latest")
        except VersionDoesNotExist:
            raise FunctionDoesNotExist from None
    function = next((one for one in latest.functions if one.ref.function_name == function_name), None)
    if function is None and not listed.invocations and not listed.fields.pairs:
        raise FunctionDoesNotExist
    return render(
        request,
        "function.html",
        status_code=listed.status_code,
        project_name=project_name,
        function_name=function_name,
        function=function,
        limits=limits(function) if function else (),
        pause=_pause_of(function),
        load=loads_of_functions(busy, project_name).get(function_name, NOTHING),
        listed=listed,
    )


@router.get("/ui/projects/{project_name}/functions/{function_name}/series")
async def get_series(project_name: str, function_name: str, request: Request) -> Response:
    """What the charts draw, as JSON."""
    series = await _last_day(request, project_name, function_name, step=_CHART_STEP)
    return JSONResponse(as_columns(series, until=datetime.now(UTC)))


@router.get("/ui/projects/{project_name}/functions/{function_name}/day")
async def show_day(project_name: str, function_name: str, request: Request) -> Response:
    """What the charts show, as a table."""
    series = await _last_day(request, project_name, function_name, step=_TABLE_STEP)
    return render(request, "function_day.html", project_name=project_name, function_name=function_name, series=series)


async def _last_day(request: Request, project_name: str, function_name: str, *, step: timedelta) -> Series:
    """Raises ProjectDoesNotExist."""
    async with services_of(request).database.statement() as connection:
        await ProjectRepository(connection).get(project_name)
        return await InvocationSeriesRepository(connection).read(
            project_name, function_name, since=datetime.now(UTC) - DAY, step=step
        )


def _pause_of(function: Function | None) -> object:
    return function.pause if function is not None and is_paused(function.pause) else None
