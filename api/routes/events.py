"""/projects/…/invocations/…/events: an invocation followed while it lives."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from api.authorization import ProjectMember, RootCaller, require_project_member
from api.errors import documented
from api.keyed_routes import turn_of
from api.parameters import InvocationPathOfRequest
from api.routers import new_router
from api.services import services_of
from api.tags import Tag
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    OffsetIsInvalid,
    ProjectDoesNotExist,
    ServiceIsUnavailable,
    TooManyRequests,
    TooManyStreams,
    VersionDoesNotExist,
)

# Of a route that streams events.
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `state`, `progress`, `log`, and `end` as the last one",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The last event was `end`: there are no more to come"},
}

router = new_router(
    Tag.INVOCATIONS,
    dependencies=[Depends(require_project_member)],
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable),
)


@router.get(
    "/projects/{project_name}/versions/{version_ref_str}/functions/{function_name}/invocations/{invocation_id}/events",
    response_class=Response,  # of no media type: errors are documented as JSON
    responses=ANSWERS
    | documented(
        ProjectDoesNotExist,
        VersionDoesNotExist,
        FunctionDoesNotExist,
        InvocationDoesNotExist,
        OffsetIsInvalid,
        TooManyRequests,
        TooManyStreams,
    ),
)
async def follow_invocation(
    *,
    path: InvocationPathOfRequest,
    caller: ProjectMember,
    request: Request,
    logs: bool = True,
    last_event_id: str | None = None,
    last_event_id_of_header: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """An invocation's events from its creation to its end, as they happen. After a stream has broken off, the `id` of
    its last event, as header or as query, goes on behind it. Logs are read with a root key only."""
    turn = turn_of(request)
    if turn is not None:
        turn.become_stream()
    is_root = isinstance(caller, RootCaller)
    stream = await services_of(request).event_streams.open(
        path,
        cursor=last_event_id if last_event_id_of_header is None else last_event_id_of_header,
        with_logs=logs and is_root,
        is_root=is_root,
    )
    return Response(status_code=204) if stream is None else stream
