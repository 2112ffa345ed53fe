"""/invocations/results: one wait for many invocations."""

from typing import Annotated

from fastapi import Depends, Request, Response

from api.authorization import Caller, ExecutionCaller, require_key
from api.errors import documented
from api.keyed_routes import turn_of
from api.results.streams import RESULTS
from api.routers import new_router
from api.schemas.results import AwaitedInvocations
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BodyIsTooLarge,
    ServiceIsUnavailable,
    TooManyRequests,
    TooManyStreams,
)
from control_plane_server.domain.identifiers import InvocationId

router = new_router(Tag.INVOCATIONS, responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests))


@router.post(
    "/invocations/results",
    response_class=Response,  # of no media type: errors are documented as JSON
    responses=RESULTS | documented(BodyIsTooLarge, TooManyStreams),
)
async def follow_invocations(
    awaited: AwaitedInvocations, request: Request, caller: Annotated[Caller, Depends(require_key)]
) -> Response:
    """The result of each of these invocations as soon as its outcome is known, each once, as lines of JSON with an
    empty one every five seconds. The stream ends with the last of them; one that ends before was broken off. For the
    token of an execution there are only the children of its own invocation."""
    services = services_of(request)
    parent: InvocationId | None = None
    if isinstance(caller, ExecutionCaller):
        async with services.database.statement() as connection:
            own = await ExecutionRepository(connection).caller(caller.execution_id, caller.launch)
        if own is None:
            raise ApiKeyIsInvalid
        parent = own.invocation_id
    turn = turn_of(request)
    if turn is not None:
        turn.become_stream()
    return await services.results.awaited.open(awaited.invocation_ids, parent=parent, is_root=parent is None)
