"""/ui: all projects, what they do, and what needs a person."""

from fastapi import Request
from starlette.responses import Response

from api.console import links
from api.console.rendering import render
from api.console.routers import page_router
from api.services import services_of
from control_plane_server.catalog.projects import ProjectRepository

router = page_router()


@router.get(links.OVERVIEW)
async def show_overview(request: Request) -> Response:
    async with services_of(request).database.statement() as connection:
        projects = await ProjectRepository(connection).list_all()
    return render(request, "overview.html", projects=projects)
