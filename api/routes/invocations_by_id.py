"""/invocations/…: an invocation by its id alone, wherever it is."""

from typing import Annotated

import structlog
from fastapi import Depends, Request

from api.authorization import Caller, ExecutionCaller, require_key
from api.errors import documented
from api.routers import new_router
from api.schemas.invocations import InvocationInfo
from api.services import services_of
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    InvocationDoesNotExist,
    ServiceIsUnavailable,
    TooManyRequests,
)

router = new_router(responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests))


@router.get("/invocations/{invocation_id}", responses=documented(InvocationDoesNotExist))
async def get_invocation_by_id(
    invocation_id: str, request: Request, caller: Annotated[Caller, Depends(require_key)]
) -> InvocationInfo:
    """An invocation with its executions, whatever its project, version and function. One of a project that the key may
    not see does not exist."""
    structlog.contextvars.bind_contextvars(invocation_id=invocation_id)
    async with services_of(request).database.statement() as connection:
        if isinstance(caller, ExecutionCaller):
            own_project = await ExecutionRepository(connection).project_of_live(caller.execution_id)
            if own_project is None:
                raise ApiKeyIsInvalid
        invocation = await InvocationRepository(connection).get_by_id(invocation_id)
    if isinstance(caller, ExecutionCaller) and invocation.function.ref.project_name != own_project:
        raise InvocationDoesNotExist
    return InvocationInfo.of(invocation)
