"""/projects/…/batches: many invocations of one function, created, read, listed and asked to stop together."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from api import cancellations
from api.authorization import ProjectMember, RootCaller, require_project_member
from api.batch_bodies import DOCUMENTED, parse_batch, receive_batch
from api.errors import documented
from api.keyed_routes import turn_of
from api.parameters import BatchPathOfRequest, FunctionPathOfRequest, IdempotencyKeyOfRequest
from api.result_queries import ResultQueryOfRequest, results_of
from api.results.streams import RESULTS
from api.routers import new_router
from api.schemas.batches import BatchesListForFunction, BatchInfo, CreatedBatch
from api.schemas.bounded import Text
from api.schemas.invocations import ParentInvocationDefinition
from api.services import services_of
from api.submissions import submit_batch
from api.submit_queries import OptionsOfQuery
from api.tags import Tag
from api.webhook_targets import ensure_told
from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.domain.bounds import MAX_BATCHES_PER_PAGE
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BatchDoesNotExist,
    BatchIsAlreadyTerminated,
    BodyIsTooLarge,
    FunctionDoesNotExist,
    OffsetIsInvalid,
    ParentFunctionNameIsMissing,
    ParentInvocationDoesNotExist,
    ParentInvocationIdIsMissing,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ServiceIsUnavailable,
    SigningSecretIsMissing,
    TooManyRequests,
    TooManyStreams,
    VersionDoesNotExist,
    WebhookUrlIsRefused,
)

_BATCHES = "/projects/{project_name}/versions/{version_ref_str}/functions/{function_name}/batches"
_BATCH = _BATCHES + "/{batch_id}"
_MISSING_FUNCTION = (ProjectDoesNotExist, VersionDoesNotExist, FunctionDoesNotExist)

router = new_router(
    Tag.BATCHES,
    dependencies=[Depends(require_project_member)],
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests),
)


@router.post(
    _BATCHES,
    openapi_extra=DOCUMENTED,
    responses=documented(
        *_MISSING_FUNCTION,
        ParentInvocationDoesNotExist,
        ParentFunctionNameIsMissing,
        ParentInvocationIdIsMissing,
        ProjectIsBeingDeleted,
        BodyIsTooLarge,
        WebhookUrlIsRefused,
        SigningSecretIsMissing,
    ),
)
async def create_batch(
    *,
    path: FunctionPathOfRequest,
    request: Request,
    parent_function_name: Text | None = None,
    parent_invocation_id: Text | None = None,
    options: OptionsOfQuery,
    idempotency_key: IdempotencyKeyOfRequest = None,
) -> CreatedBatch:
    """Call a function once for each input. The body is a BatchDefinition, or lines of JSON (`application/x-ndjson`),
    each the input of one invocation; then all else is in the query. With an Idempotency-Key, a repeated request
    answers with the first one's batch."""
    services = services_of(request)
    parent = _parent(parent_function_name, parent_invocation_id)
    body = await receive_batch(request)
    async with services.batch_bodies.turn():
        new = await parse_batch(body, request.headers, parent_of_query=parent, options_of_query=options)
        if new.options.webhook is not None:
            await ensure_told(services, path.project_name, new.options.webhook)
        made, is_new = await services.arguments.create(
            path,
            new.inputs,
            is_batch=True,
            create=lambda checked: submit_batch(
                services.database, path, new, client_key=idempotency_key, checked=checked
            ),
        )
    if is_new:
        await services.orchestrator.start_batch(made.batch)
    return CreatedBatch.of_request(made.batch, is_resumed=made.is_resumed)


@router.get(_BATCHES, responses=documented(*_MISSING_FUNCTION, OffsetIsInvalid))
async def list_batches(
    *,
    path: FunctionPathOfRequest,
    request: Request,
    max_results: Annotated[int, Query(ge=0)] = MAX_BATCHES_PER_PAGE,
    initial_offset: str | None = None,
) -> BatchesListForFunction:
    """A function's batches, newest first, page by page: `next_offset` is the next page's `initial_offset`."""
    async with services_of(request).database.statement() as connection:
        page = await BatchRepository(connection).list_of_function(
            path, offset=initial_offset, max_results=min(max_results, MAX_BATCHES_PER_PAGE)
        )
    return BatchesListForFunction.of(page)


@router.get(_BATCH, responses=documented(*_MISSING_FUNCTION, BatchDoesNotExist))
async def get_batch(path: BatchPathOfRequest, request: Request) -> BatchInfo:
    """A batch, with how many of its invocations wait, run and have ended in which way."""
    async with services_of(request).database.statement() as connection:
        return BatchInfo.of(await BatchRepository(connection).get(path))


@router.put(_BATCH + "/cancel", responses=documented(*_MISSING_FUNCTION, BatchDoesNotExist, BatchIsAlreadyTerminated))
async def cancel_batch(path: BatchPathOfRequest, request: Request) -> BatchInfo:
    """Ask for the end of all invocations of a batch that have not ended, and of their children. May be repeated while
    it runs."""
    services = services_of(request)
    async with services.database.statement() as connection:
        batch = await BatchRepository(connection).get(path)
    return BatchInfo.of(await cancellations.cancel_batch(services, batch))


@router.get(
    _BATCH + "/results",
    response_class=Response,  # of no media type: errors are documented as JSON
    responses=RESULTS | documented(*_MISSING_FUNCTION, BatchDoesNotExist, OffsetIsInvalid, TooManyStreams),
)
async def follow_batch(
    *,
    path: BatchPathOfRequest,
    caller: ProjectMember,
    request: Request,
    query: ResultQueryOfRequest,
) -> Response:
    """The results of a batch in the order in which its invocations end, as they end, behind the position `after`. The
    last one's position is the batch's size: a stream that ends before was broken off, and goes on behind the position
    that came last. Lines of JSON, with an empty one every five seconds; server-sent events for `Accept:
    text/event-stream`."""
    turn = turn_of(request)
    if turn is not None:
        turn.become_stream()
    async with services_of(request).database.statement() as connection:
        batch = await BatchRepository(connection).get(path)
    return await results_of(request, batch, query, is_root=isinstance(caller, RootCaller))


def _parent(function_name: str | None, invocation_id: str | None) -> ParentInvocationDefinition | None:
    if function_name is None and invocation_id is None:
        return None
    if function_name is None:
        raise ParentFunctionNameIsMissing
    if invocation_id is None:
        raise ParentInvocationIdIsMissing
    return ParentInvocationDefinition(function_name=function_name, invocation_id=invocation_id)
