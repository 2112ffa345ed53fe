"""What is asked for by its id alone: of a project that the key may not see, it does not exist."""

import structlog
from fastapi import Request

from api.authorization import Caller, ExecutionCaller
from api.services import services_of
from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.paths import FunctionPath, InvocationPath
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BatchDoesNotExist,
    InvocationDoesNotExist,
    NotFound,
)
from control_plane_server.domain.identifiers import ProjectName


async def project_seen_by(caller: Caller, connection: StatementConnection) -> ProjectName | None:
    """The only project that the key may see; None for root keys, which see all. Raises ApiKeyIsInvalid."""
    if not isinstance(caller, ExecutionCaller):
        return None
    own_project = await ExecutionRepository(connection).project_of_live(caller.execution_id, caller.launch)
    if own_project is None:
        raise ApiKeyIsInvalid
    return own_project


def require_seen(project: ProjectName, seen: ProjectName | None, missing: type[NotFound]) -> None:
    """Raises `missing`."""
    if seen is not None and project != seen:
        raise missing


async def seen_invocation(invocation_id: str, request: Request, caller: Caller) -> Invocation:
    """Raises InvocationDoesNotExist, ApiKeyIsInvalid."""
    structlog.contextvars.bind_contextvars(invocation_id=invocation_id)
    async with services_of(request).database.statement() as connection:
        seen = await project_seen_by(caller, connection)
        invocation = await InvocationRepository(connection).get_by_id(invocation_id)
    require_seen(invocation.function.ref.project_name, seen, InvocationDoesNotExist)
    return invocation


async def seen_batch(batch_id: str, request: Request, caller: Caller) -> Batch:
    """Raises BatchDoesNotExist, ApiKeyIsInvalid."""
    async with services_of(request).database.statement() as connection:
        seen = await project_seen_by(caller, connection)
        batch = await BatchRepository(connection).get_by_id(batch_id)
    require_seen(batch.function.project_name, seen, BatchDoesNotExist)
    return batch


def path_of(invocation: Invocation) -> InvocationPath:
    """Where it is."""
    function = invocation.function.ref
    return InvocationPath(
        function=FunctionPath(
            project_name=function.project_name,
            version_ref=function.version_id,
            function_name=function.function_name,
        ),
        invocation_id=invocation.invocation_id,
    )
