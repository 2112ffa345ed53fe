"""/projects/…/versions: declared once, with their functions, and read."""

from fastapi import Depends, Request

from api.authorization import require_project_member, require_root
from api.errors import documented
from api.project_names import ensure_creatable
from api.routers import new_router
from api.schemas.versions import VersionDefinition, VersionInfo, VersionsListForProject
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BodyIsTooLarge,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ProjectNameIsTooLong,
    ScheduleNameIsTaken,
    ServiceIsUnavailable,
    TooManyRequests,
    VersionDoesNotExist,
)

router = new_router(Tag.FUNCTIONS, responses=documented(ApiKeyIsInvalid, ProjectDoesNotExist, ServiceIsUnavailable))


@router.post(
    "/projects/{project_name}/versions",
    dependencies=[Depends(require_root)],
    responses=documented(ProjectIsBeingDeleted, ProjectNameIsTooLong, ScheduleNameIsTaken, BodyIsTooLarge),
)
async def create_project_version(
    *, project_name: str, definition: VersionDefinition, request: Request, create_project: bool = False
) -> VersionInfo:
    """Declare a version. Its functions are PENDING until they are prepared; they can be invoked at once. With
    `create_project`, the project is made if need be, unless the version is refused."""
    if create_project:
        ensure_creatable(project_name)
    services = services_of(request)
    async with services.database.transaction() as connection:
        versions = VersionRepository(connection)
        version = await versions.create(project_name, definition.to_domain(), creates_project=create_project)
    if version.functions:
        await services.orchestrator.start_preparation(version)
    changes = versions.schedule_changes
    await services.orchestrator.match_schedules(changes.changed, changes.removed)
    return VersionInfo.of(version)


@router.get(
    "/projects/{project_name}/versions/{version_ref_str}",
    dependencies=[Depends(require_project_member)],
    responses=documented(ProjectDoesNotExist, VersionDoesNotExist, TooManyRequests),
)
async def get_project_version(project_name: str, version_ref_str: str, request: Request) -> VersionInfo:
    """A version by its id, or as `latest` the one declared last of which no function is refused for good."""
    async with services_of(request).database.statement() as connection:
        return VersionInfo.of(await VersionRepository(connection).get(project_name, version_ref_str))


@router.get(
    "/projects/{project_name}/versions",
    dependencies=[Depends(require_project_member)],
    responses=documented(TooManyRequests),
)
async def list_project_versions(project_name: str, request: Request) -> VersionsListForProject:
    """All versions, newest first."""
    async with services_of(request).database.statement() as connection:
        versions = await VersionRepository(connection).list_of_project(project_name)
    return VersionsListForProject.of(project_name, versions)
