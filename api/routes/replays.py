"""…/replay and /projects/…/replays: what has ended once more, one invocation or all that match."""

from typing import Annotated

from fastapi import Depends, Request

from api.authorization import Caller, require_key, require_project_member
from api.errors import documented
from api.parameters import IdempotencyKeyOfRequest, InvocationPathOfRequest
from api.replays import replay
from api.routers import new_router
from api.schemas.batches import BatchInfo
from api.schemas.invocations import InvocationInfo
from api.schemas.replays import InvocationReplay, ProjectReplay
from api.services import services_of
from api.submissions import submit_replay
from api.tags import Tag
from api.visibility import seen_invocation
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BodyIsTooLarge,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    InvocationHasNotTerminated,
    NothingToReplay,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ServiceIsUnavailable,
    TooManyRequests,
    TooManyToReplay,
    VersionDoesNotExist,
)

_INVOCATION = (
    "/projects/{project_name}/versions/{version_ref_str}/functions/{function_name}/invocations/{invocation_id}"
)
_MISSING = (ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist)
_OF_ONE = documented(
    *_MISSING, InvocationDoesNotExist, InvocationHasNotTerminated, ProjectIsBeingDeleted, BodyIsTooLarge
)
_AS_IT_WAS = InvocationReplay()

router = new_router(Tag.INVOCATIONS, responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests))


@router.post(_INVOCATION + "/replay", dependencies=[Depends(require_project_member)], responses=_OF_ONE)
async def replay_invocation(
    path: InvocationPathOfRequest,
    request: Request,
    definition: InvocationReplay = _AS_IT_WAS,
    idempotency_key: IdempotencyKeyOfRequest = None,
) -> InvocationInfo:
    """An invocation whose outcome is known once more: its input, its options but for a delay, no parent. In the version
    that it ran in, unless another is named. With an Idempotency-Key, a repeated request answers with the first one's
    invocation."""
    services = services_of(request)
    async with services.database.statement() as connection:
        original = await InvocationRepository(connection).get(path)
    new = await replay(services, original, version_ref=definition.version_ref, client_key=idempotency_key)
    return InvocationInfo.of(new)


@router.post("/invocations/{invocation_id}/replay", responses=_OF_ONE)
async def replay_invocation_by_id(
    invocation_id: str,
    request: Request,
    caller: Annotated[Caller, Depends(require_key)],
    definition: InvocationReplay = _AS_IT_WAS,
    idempotency_key: IdempotencyKeyOfRequest = None,
) -> InvocationInfo:
    """The same, by its id alone. One of a project that the key may not see does not exist."""
    original = await seen_invocation(invocation_id, request, caller)
    services = services_of(request)
    new = await replay(services, original, version_ref=definition.version_ref, client_key=idempotency_key)
    return InvocationInfo.of(new)


@router.post(
    "/projects/{project_name}/replays",
    dependencies=[Depends(require_project_member)],
    responses=documented(*_MISSING, ProjectIsBeingDeleted, TooManyToReplay, NothingToReplay, BodyIsTooLarge),
)
async def replay_invocations(
    project_name: str, definition: ProjectReplay, request: Request, idempotency_key: IdempotencyKeyOfRequest = None
) -> BatchInfo:
    """All of a project's invocations that match and have ended once more, 10,000 at most, as a batch. It is found by
    its id alone, as it may be of several functions; its order is that in which the originals were created. Inputs are
    not checked against the signature of another version. With an Idempotency-Key, a repeated request answers with the
    first one's batch."""
    services = services_of(request)
    batch, is_new = await submit_replay(
        services.database,
        project_name,
        definition.to_domain(),
        version_ref=definition.version_ref,
        client_key=idempotency_key,
    )
    if is_new:
        await services.orchestrator.start_batch(batch)
    return BatchInfo.of(batch)
