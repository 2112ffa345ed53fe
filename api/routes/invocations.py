"""/projects/…/invocations: submitted, read, waited for, listed, asked to stop."""

from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import Depends, Query, Request

from api.authorization import require_project_member
from api.blobs import uploaded_input
from api.cancellations import cancel
from api.child_counts import counted
from api.errors import documented
from api.keyed_routes import while_waiting
from api.parameters import FunctionPathOfRequest, IdempotencyKeyOfRequest, InvocationPathOfRequest
from api.routers import new_router
from api.schemas.bounded import Text
from api.schemas.invocations import InvocationDefinition, InvocationInfo, InvocationsListForFunction
from api.services import services_of
from api.submissions import submit_and_start
from api.tags import Tag
from api.webhook_targets import ensure_told
from control_plane_server.catalog.invocation_pages import InvocationFilter, InvocationPageRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.domain.bounds import MAX_INVOCATIONS_PER_PAGE, MAX_WAIT_SECONDS
from control_plane_server.domain.entities import InvocationStatus, ParentRef
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BlobDoesNotExist,
    BlobIsIncomplete,
    BlobIsInUse,
    BlobStoreIsAway,
    BlobStoreIsNotConfigured,
    BodyIsTooLarge,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    InvocationIsAlreadyTerminated,
    OffsetIsInvalid,
    ParentFunctionNameIsMissing,
    ParentInvocationDoesNotExist,
    ParentInvocationIdIsMissing,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ServiceIsUnavailable,
    SigningSecretIsMissing,
    TooManyPolls,
    TooManyRequests,
    VersionDoesNotExist,
    WebhookUrlIsRefused,
)
from control_plane_server.domain.identifiers import FunctionName, InvocationId

_FUNCTION = "/projects/{project_name}/versions/{version_ref_str}/functions/{function_name}"
_INVOCATION = _FUNCTION + "/invocations/{invocation_id}"
_MISSING_FUNCTION = (ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist)

_INPUT_BLOB_ERRORS = (BlobDoesNotExist, BlobIsIncomplete, BlobIsInUse, BlobStoreIsAway, BlobStoreIsNotConfigured)

router = new_router(
    Tag.INVOCATIONS,
    dependencies=[Depends(require_project_member)],
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests),
)


@router.post(
    _FUNCTION + "/invocations",
    responses=documented(
        *_MISSING_FUNCTION,
        ParentInvocationDoesNotExist,
        ProjectIsBeingDeleted,
        BodyIsTooLarge,
        *_INPUT_BLOB_ERRORS,
        WebhookUrlIsRefused,
        SigningSecretIsMissing,
    ),
)
async def create_invocation(
    path: FunctionPathOfRequest,
    definition: InvocationDefinition,
    request: Request,
    idempotency_key: IdempotencyKeyOfRequest = None,
) -> InvocationInfo:
    """Call a function. With an Idempotency-Key, a repeated request answers with the first one's invocation."""
    services = services_of(request)
    blob = None
    if definition.input_blob is not None:
        blob = await uploaded_input(services, path.project_name, definition.input_blob)
    new = definition.to_domain(blob)
    if new.options.webhook is not None:
        await ensure_told(services, path.project_name, new.options.webhook)
    return InvocationInfo.of(await submit_and_start(services, path, new, idempotency_key))


@router.put(
    _INVOCATION + "/cancel",
    responses=documented(*_MISSING_FUNCTION, InvocationDoesNotExist, InvocationIsAlreadyTerminated),
)
async def cancel_invocation(path: InvocationPathOfRequest, request: Request) -> InvocationInfo:
    """Ask for the end of an invocation and of its children. May be repeated while it runs."""
    return InvocationInfo.of(await cancel(services_of(request), path))


@router.get(
    _INVOCATION, responses=documented(*_MISSING_FUNCTION, InvocationDoesNotExist, TooManyRequests, TooManyPolls)
)
async def get_invocation(
    path: InvocationPathOfRequest,
    request: Request,
    wait_seconds: Annotated[int, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0,
    children: bool = False,
) -> InvocationInfo:
    """An invocation with its executions. With `wait_seconds`, the answer comes as soon as its outcome is known, it is
    TERMINATED, or the time is over. With `children`, those are counted."""
    services = services_of(request)
    if wait_seconds > 0:
        patience = timedelta(seconds=wait_seconds)
        invocation = await services.long_polls.settled_invocation(
            path, patience=patience, parked=partial(while_waiting, request)
        )
    else:
        async with services.database.statement() as connection:
            invocation = await InvocationRepository(connection).get(path)
    return InvocationInfo.of(invocation, children=await counted(services, invocation) if children else None)


@router.get(
    _FUNCTION + "/invocations",
    responses=documented(*_MISSING_FUNCTION, ParentFunctionNameIsMissing, ParentInvocationIdIsMissing, OffsetIsInvalid),
)
async def list_invocations(
    *,
    path: FunctionPathOfRequest,
    request: Request,
    max_results: Annotated[int, Query(ge=0)] = MAX_INVOCATIONS_PER_PAGE,
    initial_offset: str | None = None,
    status: InvocationStatus | None = None,
    parent_function_name: Text | None = None,
    parent_invocation_id: Text | None = None,
) -> InvocationsListForFunction:
    """A function's invocations, newest first, page by page: `next_offset` is the next page's `initial_offset`."""
    matching = InvocationFilter(status=status, parent=_parent_filter(parent_function_name, parent_invocation_id))
    async with services_of(request).database.statement() as connection:
        page = await InvocationPageRepository(connection).read(
            path,
            matching=matching,
            offset=initial_offset,
            max_results=min(max_results, MAX_INVOCATIONS_PER_PAGE),
        )
    return InvocationsListForFunction.of(page)


def _parent_filter(function_name: str | None, invocation_id: str | None) -> ParentRef | None:
    if function_name is None and invocation_id is None:
        return None
    if function_name is None:
        raise ParentFunctionNameIsMissing
    if invocation_id is None:
        raise ParentInvocationIdIsMissing
    return ParentRef(function_name=FunctionName(function_name), invocation_id=InvocationId(invocation_id))
