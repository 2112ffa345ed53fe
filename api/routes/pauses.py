"""Functions and projects, paused and resumed: nothing that waits begins meanwhile, and what runs goes on."""

from fastapi import Depends, Request

from api.authorization import require_root
from api.errors import documented
from api.parameters import FunctionPathOfRequest
from api.routers import new_router
from api.schemas.pauses import PauseDefinition, PauseInfo
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.pauses import PauseRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    FunctionDoesNotExist,
    ProjectDoesNotExist,
    ServiceIsUnavailable,
    VersionDoesNotExist,
)

_PROJECT = "/projects/{project_name}"
_FUNCTION = _PROJECT + "/versions/{version_ref_str}/functions/{function_name}"
_MISSING_FUNCTION = (ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist)

router = new_router(
    Tag.FUNCTIONS,
    dependencies=[Depends(require_root)],
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable),
)


@router.put(_PROJECT + "/pause", responses=documented(ProjectDoesNotExist))
async def pause_project(project_name: str, request: Request, definition: PauseDefinition | None = None) -> PauseInfo:
    """From now on nothing that waits in this project begins, until it is resumed, or until then. What runs goes on, its
    next attempt waits; queues keep their order. May be repeated: the last end counts."""
    until = (definition or PauseDefinition()).end
    async with services_of(request).database.transaction() as connection:
        pause = await PauseRepository(connection).pause_project(project_name, until=until)
    return PauseInfo.of(pause, project_name=project_name)


@router.put(_PROJECT + "/resume", responses=documented(ProjectDoesNotExist))
async def resume_project(project_name: str, request: Request) -> PauseInfo:
    """What waits goes on, but for functions that are paused by themselves. May be repeated."""
    async with services_of(request).database.transaction() as connection:
        pause = await PauseRepository(connection).resume_project(project_name)
    return PauseInfo.of(pause, project_name=project_name)


@router.put(_FUNCTION + "/pause", responses=documented(*_MISSING_FUNCTION))
async def pause_function(
    path: FunctionPathOfRequest, request: Request, definition: PauseDefinition | None = None
) -> PauseInfo:
    """As a project, all versions of this function, whichever is named here; those included that are declared later."""
    until = (definition or PauseDefinition()).end
    async with services_of(request).database.transaction() as connection:
        pause = await PauseRepository(connection).pause_function(path, until=until)
    return PauseInfo.of(pause, project_name=path.project_name, function_name=path.function_name)


@router.put(_FUNCTION + "/resume", responses=documented(*_MISSING_FUNCTION))
async def resume_function(path: FunctionPathOfRequest, request: Request) -> PauseInfo:
    """What waits for it goes on, unless the project is paused. May be repeated."""
    async with services_of(request).database.transaction() as connection:
        pause = await PauseRepository(connection).resume_function(path)
    return PauseInfo.of(pause, project_name=path.project_name, function_name=path.function_name)
