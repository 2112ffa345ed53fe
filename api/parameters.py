"""Parts of paths and queries that several routes take."""

from typing import Annotated

import structlog
from fastapi import Depends, Request

from api.composition import Services, services_of
from catalog.paths import ExecutionPath, FunctionPath, InvocationPath


async def _services(request: Request) -> Services:
    return services_of(request)


async def _function_path(project_name: str, version_ref_str: str, function_name: str) -> FunctionPath:
    return FunctionPath(project_name=project_name, version_ref=version_ref_str, function_name=function_name)


async def _invocation_path(
    function: Annotated[FunctionPath, Depends(_function_path)], invocation_id: str
) -> InvocationPath:
    structlog.contextvars.bind_contextvars(invocation_id=invocation_id)
    return InvocationPath(function=function, invocation_id=invocation_id)


async def _execution_path(
    invocation: Annotated[InvocationPath, Depends(_invocation_path)], execution_id: str
) -> ExecutionPath:
    structlog.contextvars.bind_contextvars(execution_id=execution_id)
    return ExecutionPath(invocation=invocation, execution_id=execution_id)


InjectedServices = Annotated[Services, Depends(_services)]
FunctionPathOfRequest = Annotated[FunctionPath, Depends(_function_path)]
InvocationPathOfRequest = Annotated[InvocationPath, Depends(_invocation_path)]
ExecutionPathOfRequest = Annotated[ExecutionPath, Depends(_execution_path)]
