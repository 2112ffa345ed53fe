"""/projects: made, read, asked to go away."""

from fastapi import Depends, Request

from api.authorization import require_root
from api.errors import documented
from api.project_names import ensure_creatable
from api.routers import new_router
from api.schemas.projects import ProjectInfo, ProjectsList
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    ProjectAlreadyExists,
    ProjectDoesNotExist,
    ProjectNameIsTooLong,
    ServiceIsUnavailable,
)

router = new_router(
    Tag.PROJECTS,
    dependencies=[Depends(require_root)],
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable),
)


@router.put("/projects/{project_name}", responses=documented(ProjectNameIsTooLong, ProjectAlreadyExists))
async def create_project(project_name: str, request: Request) -> ProjectInfo:
    ensure_creatable(project_name)
    async with services_of(request).database.statement() as connection:
        return ProjectInfo.of(await ProjectRepository(connection).create(project_name))


@router.delete("/projects/{project_name}", responses=documented(ProjectDoesNotExist))
async def delete_project(project_name: str, request: Request) -> ProjectInfo:
    """Ask for the deletion: what runs is cancelled, then the project goes away. May be repeated."""
    services = services_of(request)
    async with services.database.statement() as connection:
        project = await ProjectRepository(connection).request_deletion(project_name)
    await services.orchestrator.start_deletion(project)
    return ProjectInfo.of(project)


@router.get("/projects/{project_name}", responses=documented(ProjectDoesNotExist))
async def get_project(project_name: str, request: Request) -> ProjectInfo:
    async with services_of(request).database.statement() as connection:
        return ProjectInfo.of(await ProjectRepository(connection).get(project_name))


@router.get("/projects")
async def list_projects(request: Request) -> ProjectsList:
    """All projects, newest first."""
    async with services_of(request).database.statement() as connection:
        return ProjectsList.of(await ProjectRepository(connection).list_all())
