"""/projects/…/invocations: the invocations of a whole project."""

from typing import Annotated

from fastapi import Depends, Query, Request

from api.authorization import require_project_member
from api.errors import documented
from api.routers import new_router
from api.schemas.bounded import Text
from api.schemas.project_invocations import InvocationsListForProject
from api.services import services_of
from control_plane_server.catalog.project_invocations import ProjectInvocationFilter, ProjectInvocationRepository
from control_plane_server.domain.bounds import MAX_PROJECT_INVOCATIONS_PER_PAGE
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    OffsetIsInvalid,
    ProjectDoesNotExist,
    ServiceIsUnavailable,
    TooManyRequests,
)

# Seconds since 1970, as PostgreSQL compares them.
_Second = Annotated[int, Query(ge=0, le=2**63 - 1)]

router = new_router(
    dependencies=[Depends(require_project_member)],
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests),
)


@router.get("/projects/{project_name}/invocations", responses=documented(ProjectDoesNotExist, OffsetIsInvalid))
async def list_project_invocations(
    *,
    project_name: str,
    request: Request,
    max_results: Annotated[int, Query(ge=0)] = MAX_PROJECT_INVOCATIONS_PER_PAGE,
    initial_offset: str | None = None,
    status: InvocationStatus | None = None,
    outcome: InvocationOutcome | None = None,
    function_name: Text | None = None,
    version_id: Text | None = None,
    since: _Second | None = None,
    until: _Second | None = None,
    parent_invocation_id: Text | None = None,
    batch_id: Text | None = None,
) -> InvocationsListForProject:
    """A project's invocations of all functions and versions, newest first, page by page: `next_offset` is the next
    page's `initial_offset`. `since` and `until` are of the creation, both inclusive."""
    matching = ProjectInvocationFilter(
        status=status,
        outcome=outcome,
        function_name=function_name,
        version_id=version_id,
        since=since,
        until=until,
        parent_invocation_id=parent_invocation_id,
        batch_id=batch_id,
    )
    async with services_of(request).database.statement() as connection:
        page = await ProjectInvocationRepository(connection).read(
            project_name,
            matching=matching,
            offset=initial_offset,
            max_results=min(max_results, MAX_PROJECT_INVOCATIONS_PER_PAGE),
        )
    return InvocationsListForProject.of(project_name, page)
