"""Parts of paths that several routes take.

Each kind of path is one dependency, though they repeat each other's parameters: FastAPI's work for a dependency costs
more than what is done here. The order of the parameters is the document's: generated clients take them by position.
"""

from typing import Annotated

import structlog
from fastapi import Depends, Header, Request

from api.authorization import ExecutionCaller, caller_of
from control_plane_server.catalog.paths import BatchPath, ExecutionPath, FunctionPath, InvocationPath
from control_plane_server.domain.bounds import MAX_IDEMPOTENCY_KEY_LENGTH


async def _function_path(project_name: str, version_ref_str: str, function_name: str) -> FunctionPath:
    return FunctionPath(project_name=project_name, version_ref=version_ref_str, function_name=function_name)


async def _invocation_path(
    project_name: str, invocation_id: str, version_ref_str: str, function_name: str
) -> InvocationPath:
    structlog.contextvars.bind_contextvars(invocation_id=invocation_id)
    function = FunctionPath(project_name=project_name, version_ref=version_ref_str, function_name=function_name)
    return InvocationPath(function=function, invocation_id=invocation_id)


async def _batch_path(project_name: str, batch_id: str, version_ref_str: str, function_name: str) -> BatchPath:
    function = FunctionPath(project_name=project_name, version_ref=version_ref_str, function_name=function_name)
    return BatchPath(function=function, batch_id=batch_id)


async def _execution_path(
    *,
    execution_id: str,
    invocation_id: str,
    project_name: str,
    version_ref_str: str,
    function_name: str,
    request: Request,
) -> ExecutionPath:
    structlog.contextvars.bind_contextvars(invocation_id=invocation_id, execution_id=execution_id)
    function = FunctionPath(project_name=project_name, version_ref=version_ref_str, function_name=function_name)
    invocation = InvocationPath(function=function, invocation_id=invocation_id)
    caller = caller_of(request)
    launch = caller.launch if isinstance(caller, ExecutionCaller) else None
    return ExecutionPath(invocation=invocation, execution_id=execution_id, launch=launch)


IdempotencyKeyOfRequest = Annotated[
    str | None, Header(min_length=1, max_length=MAX_IDEMPOTENCY_KEY_LENGTH, pattern="^[ -~]+$")
]
FunctionPathOfRequest = Annotated[FunctionPath, Depends(_function_path)]
BatchPathOfRequest = Annotated[BatchPath, Depends(_batch_path)]
InvocationPathOfRequest = Annotated[InvocationPath, Depends(_invocation_path)]
ExecutionPathOfRequest = Annotated[ExecutionPath, Depends(_execution_path)]
