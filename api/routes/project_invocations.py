"""/projects/…/invocations and /projects/…/failures: the invocations of a whole project."""

from typing import Annotated

from fastapi import Depends, Query, Request

from api.authorization import require_project_member
from api.errors import documented
from api.routers import new_router
from api.schemas.bounded import Text
from api.schemas.filters import Outcomes, Second, TagFilters, tags_of
from api.schemas.project_invocations import (
    FailuresOfOneKind,
    FailuresOfProject,
    InvocationCountsForProject,
    InvocationsListForProject,
)
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.failures import FailureRepository
from control_plane_server.catalog.invocation_counts import InvocationCountRepository
from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.project_invocations import ProjectInvocationRepository
from control_plane_server.domain.bounds import MAX_FAILURES, MAX_PROJECT_INVOCATIONS_PER_PAGE
from control_plane_server.domain.entities import InvocationStatus
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    OffsetIsInvalid,
    ProjectDoesNotExist,
    ServiceIsUnavailable,
    TooManyRequests,
)
from control_plane_server.domain.failures import grouped

router = new_router(
    Tag.INVOCATIONS,
    dependencies=[Depends(require_project_member)],
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests),
)


async def _filter(
    *,
    status: InvocationStatus | None = None,
    outcome: Annotated[Outcomes | None, Query()] = None,
    function_name: Text | None = None,
    version_id: Text | None = None,
    since: Second | None = None,
    until: Second | None = None,
    parent_invocation_id: Text | None = None,
    batch_id: Text | None = None,
    id_prefix: Annotated[str | None, Query(pattern="^inv-[0-9a-f]{6,32}$")] = None,
    tag: Annotated[TagFilters | None, Query()] = None,
    concurrency_key: Text | None = None,
) -> ProjectInvocationFilter:
    return ProjectInvocationFilter(
        status=status,
        outcomes=tuple(outcome or ()),
        function_name=function_name,
        version_id=version_id,
        since=since,
        until=until,
        parent_invocation_id=parent_invocation_id,
        batch_id=batch_id,
        id_prefix=id_prefix,
        tags=tags_of(tag or ()),
        concurrency_key=concurrency_key,
    )


_FilterOfRequest = Annotated[ProjectInvocationFilter, Depends(_filter)]


@router.get("/projects/{project_name}/invocations", responses=documented(ProjectDoesNotExist, OffsetIsInvalid))
async def list_project_invocations(
    *,
    project_name: str,
    request: Request,
    matching: _FilterOfRequest,
    max_results: Annotated[int, Query(ge=0)] = MAX_PROJECT_INVOCATIONS_PER_PAGE,
    initial_offset: str | None = None,
) -> InvocationsListForProject:
    """A project's invocations of all functions and versions, newest first, page by page: `next_offset` is the next
    page's `initial_offset`. `since` and `until` are of the creation, both inclusive; `outcome` may be given several
    times, and so may `tag`, as `key:value`, all of which they have; `id_prefix` is how an id begins, six digits of it
    at least."""
    async with services_of(request).database.statement() as connection:
        page = await ProjectInvocationRepository(connection).read(
            project_name,
            matching=matching,
            offset=initial_offset,
            max_results=min(max_results, MAX_PROJECT_INVOCATIONS_PER_PAGE),
        )
    return InvocationsListForProject.of(project_name, page)


@router.get("/projects/{project_name}/invocations/counts", responses=documented(ProjectDoesNotExist))
async def count_project_invocations(
    project_name: str, request: Request, matching: _FilterOfRequest
) -> InvocationCountsForProject:
    """How many of a project's invocations match, by how they are or came out. The filters are those of the list."""
    async with services_of(request).database.statement() as connection:
        counts = await InvocationCountRepository(connection).of_project(project_name, matching)
    return InvocationCountsForProject.of(project_name, counts)


@router.get("/projects/{project_name}/failures", responses=documented(ProjectDoesNotExist))
async def list_project_failures(
    project_name: str,
    request: Request,
    since: Second | None = None,
    until: Second | None = None,
    function_name: Text | None = None,
) -> FailuresOfProject:
    """What failed, timed out or was aborted, alike ones together, newest first: of the newest 10,000 such invocations
    that were created from `since` until `until`, both inclusive."""
    async with services_of(request).database.statement() as connection:
        failures = await FailureRepository(connection).newest(
            project_name, function_name=function_name, since=since, until=until
        )
    groups = await grouped(failures)
    return FailuresOfProject(
        project_name=project_name,
        failures=[FailuresOfOneKind.of(group) for group in groups[:MAX_FAILURES]],
    )
