"""/invocations/…: an invocation by its id alone, wherever it is."""

from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response

from api.authorization import Caller, RootCaller, require_key, require_root
from api.cancellations import cancel
from api.child_counts import counted
from api.errors import documented
from api.execution_logs import LogQueryOfRequest, read_logs
from api.keyed_routes import turn_of, while_waiting
from api.routers import new_router
from api.routes.events import ANSWERS
from api.schemas.executions import ExecutionLogs
from api.schemas.invocations import InvocationInfo
from api.services import services_of
from api.tags import Tag
from api.visibility import path_of, seen_invocation
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.catalog.paths import ExecutionPath
from control_plane_server.domain.bounds import MAX_WAIT_SECONDS
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    ExecutionDoesNotExist,
    InvocationDoesNotExist,
    InvocationIsAlreadyTerminated,
    OffsetIsInvalid,
    ServiceIsUnavailable,
    TooManyPolls,
    TooManyRequests,
    TooManyStreams,
)

_INVOCATION = "/invocations/{invocation_id}"
_KeyHolder = Annotated[Caller, Depends(require_key)]

router = new_router(
    Tag.INVOCATIONS,
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests, InvocationDoesNotExist),
)


@router.get(_INVOCATION, responses=documented(TooManyRequests, TooManyPolls))
async def get_invocation_by_id(
    invocation_id: str,
    request: Request,
    caller: _KeyHolder,
    wait_seconds: Annotated[int, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0,
    children: bool = False,
) -> InvocationInfo:
    """An invocation with its executions, whatever its project, version and function. One of a project that the key may
    not see does not exist. With `wait_seconds`, the answer comes as soon as its outcome is known, it is TERMINATED, or
    the time is over. With `children`, those are counted."""
    services = services_of(request)
    invocation = await seen_invocation(invocation_id, request, caller)
    if wait_seconds > 0:
        path, patience = path_of(invocation), timedelta(seconds=wait_seconds)
        del invocation  # which may be large, and is read again
        invocation = await services.long_polls.settled_invocation(
            path, patience=patience, parked=partial(while_waiting, request)
        )
    return InvocationInfo.of(invocation, children=await counted(services, invocation) if children else None)


@router.put(_INVOCATION + "/cancel", responses=documented(InvocationIsAlreadyTerminated))
async def cancel_invocation_by_id(invocation_id: str, request: Request, caller: _KeyHolder) -> InvocationInfo:
    """Ask for the end of an invocation and of its children. May be repeated while it runs."""
    path = path_of(await seen_invocation(invocation_id, request, caller))
    return InvocationInfo.of(await cancel(services_of(request), path))


@router.get(
    _INVOCATION + "/events",
    response_class=Response,  # of no media type: errors are documented as JSON
    responses=ANSWERS | documented(OffsetIsInvalid, TooManyStreams),
)
async def follow_invocation_by_id(
    *,
    invocation_id: str,
    request: Request,
    caller: _KeyHolder,
    logs: bool = True,
    last_event_id: str | None = None,
    last_event_id_of_header: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """An invocation's events from its creation to its end, as they happen. After a stream has broken off, the `id` of
    its last event, as header or as query, goes on behind it. Logs are read with a root key only."""
    path = path_of(await seen_invocation(invocation_id, request, caller))
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


@router.get(
    _INVOCATION + "/logs",
    dependencies=[Depends(require_root)],
    responses=documented(ExecutionDoesNotExist, OffsetIsInvalid),
)
async def get_invocation_logs_by_id(
    invocation_id: str,
    request: Request,
    query: LogQueryOfRequest,
    attempt: Annotated[int | None, Query(ge=1)] = None,
) -> ExecutionLogs:
    """What the container of an execution wrote, oldest first: of the last one, or of this attempt, counted from 1.
    `next_offset` goes on from there, also later, when there is more."""
    services = services_of(request)
    invocation = await seen_invocation(invocation_id, request, RootCaller())
    executions = [one for one in invocation.executions if attempt is None or one.attempt == attempt]
    if not executions:
        raise ExecutionDoesNotExist
    path = ExecutionPath(invocation=path_of(invocation), execution_id=executions[-1].execution_id)
    async with services.database.statement() as connection:
        detail = await ExecutionRepository(connection).get(path)
    return ExecutionLogs.of(detail, await read_logs(services.provisioner, detail.execution, query))
