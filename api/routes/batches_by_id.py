"""/batches/…: a batch by its id alone, wherever it is: the only way to a replay, which is of no function."""

from typing import Annotated

from fastapi import Depends, Request, Response

from api import cancellations
from api.authorization import Caller, RootCaller, require_key
from api.errors import documented
from api.keyed_routes import turn_of
from api.result_queries import ResultQueryOfRequest, results_of
from api.results.streams import RESULTS
from api.routers import new_router
from api.schemas.batches import BatchInfo
from api.services import services_of
from api.tags import Tag
from api.visibility import seen_batch
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BatchDoesNotExist,
    BatchIsAlreadyTerminated,
    OffsetIsInvalid,
    ServiceIsUnavailable,
    TooManyRequests,
    TooManyStreams,
)

_BATCH = "/batches/{batch_id}"
_KeyHolder = Annotated[Caller, Depends(require_key)]

router = new_router(
    Tag.BATCHES, responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests, BatchDoesNotExist)
)


@router.get(_BATCH)
async def get_batch_by_id(batch_id: str, request: Request, caller: _KeyHolder) -> BatchInfo:
    """A batch, whatever its project, version and function. One of a project that the key may not see does not exist."""
    return BatchInfo.of(await seen_batch(batch_id, request, caller))


@router.put(_BATCH + "/cancel", responses=documented(BatchIsAlreadyTerminated))
async def cancel_batch_by_id(batch_id: str, request: Request, caller: _KeyHolder) -> BatchInfo:
    """Ask for the end of all invocations of a batch that have not ended, and of their children. May be repeated while
    it runs."""
    batch = await seen_batch(batch_id, request, caller)
    return BatchInfo.of(await cancellations.cancel_batch(services_of(request), batch))


@router.get(
    _BATCH + "/results",
    response_class=Response,  # of no media type: errors are documented as JSON
    responses=RESULTS | documented(OffsetIsInvalid, TooManyStreams),
)
async def follow_batch_by_id(
    batch_id: str, request: Request, caller: _KeyHolder, query: ResultQueryOfRequest
) -> Response:
    """The results of a batch in the order in which its invocations end, as they end, behind the position `after`; those
    of a replay by their places in the order in which their originals were created. In the form, and resumed, as of a
    function's batch."""
    turn = turn_of(request)
    if turn is not None:
        turn.become_stream()
    batch = await seen_batch(batch_id, request, caller)
    return await results_of(request, batch, query, is_root=isinstance(caller, RootCaller))
