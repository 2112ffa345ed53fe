"""/projects/…/executions: what containers report, and what everyone reads of it."""

from fastapi import Depends, Request

from api.authorization import require_own_execution, require_own_execution_alone, require_root
from api.blobs import uploaded_output
from api.errors import documented
from api.execution_logs import LogQueryOfRequest, read_logs
from api.execution_secrets import read_secrets
from api.keyed_routes import turn_of
from api.metrics import observe_start
from api.parameters import ExecutionPathOfRequest
from api.routers import new_router
from api.schemas.executions import (
    ExecutionFinalResultPayload,
    ExecutionInfo,
    ExecutionLogs,
    ExecutionTemporaryResultPayload,
)
from api.schemas.secrets import ExecutionEnvironment
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BlobDoesNotExist,
    BlobIsIncomplete,
    BlobStoreIsAway,
    BlobStoreIsNotConfigured,
    BodyIsTooLarge,
    ExecutionDoesNotExist,
    ExecutionHasAlreadyFinished,
    ExecutionHasAlreadyStarted,
    ExecutionHasNotStarted,
    ExecutionIsAlreadyTerminated,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    OffsetIsInvalid,
    ProjectDoesNotExist,
    SecretIsMissing,
    SecretsAreUnreadable,
    ServiceIsUnavailable,
    TooManyRequests,
    VersionDoesNotExist,
)

_EXECUTION = (
    "/projects/{project_name}/versions/{version_ref_str}/functions/{function_name}"
    "/invocations/{invocation_id}/executions/{execution_id}"
)
_REFUSED_REPORT = (ExecutionHasNotStarted, ExecutionHasAlreadyFinished, ExecutionIsAlreadyTerminated, BodyIsTooLarge)

router = new_router(
    responses=documented(
        ApiKeyIsInvalid,
        ProjectDoesNotExist,
        VersionDoesNotExist,
        FunctionDoesNotExist,
        InvocationDoesNotExist,
        ExecutionDoesNotExist,
        ServiceIsUnavailable,
        TooManyRequests,
    ),
)


@router.put(
    _EXECUTION + "/start",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(ExecutionHasAlreadyStarted, ExecutionIsAlreadyTerminated),
)
async def start_execution(path: ExecutionPathOfRequest, request: Request) -> ExecutionInfo:
    """The container's first word: the user's code runs from now on."""
    async with services_of(request).database.statement() as connection:
        detail = await ExecutionRepository(connection).start(path)
    observe_start(detail.execution)
    return ExecutionInfo.of(detail)


@router.put(
    _EXECUTION + "/update",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(*_REFUSED_REPORT),
)
async def update_execution(
    path: ExecutionPathOfRequest, payload: ExecutionTemporaryResultPayload, request: Request
) -> ExecutionInfo:
    """Report progress: the latest output replaces the one before. Reports that come faster than a few a second are
    answered more slowly."""
    turn = turn_of(request)
    if turn is not None:
        await turn.pace_report(len(payload.latest_output.encode()))
    async with services_of(request).database.statement() as connection:
        return ExecutionInfo.of(await ExecutionRepository(connection).update(path, latest_output=payload.latest_output))


@router.put(
    _EXECUTION + "/finish",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(
        *_REFUSED_REPORT, BlobDoesNotExist, BlobIsIncomplete, BlobStoreIsAway, BlobStoreIsNotConfigured
    ),
)
async def finish_execution(
    path: ExecutionPathOfRequest, payload: ExecutionFinalResultPayload, request: Request
) -> ExecutionInfo:
    """Report the outcome, once."""
    services = services_of(request)
    blob = None
    if payload.output_blob is not None:
        blob = await uploaded_output(services, path, payload.output_blob)
    async with services.database.statement() if blob is None else services.database.transaction() as connection:
        return ExecutionInfo.of(
            await ExecutionRepository(connection).finish(path, payload.to_report(), output_blob=blob)
        )


@router.get(_EXECUTION, tags=[Tag.CONTAINERS], dependencies=[Depends(require_own_execution)])
async def get_execution(path: ExecutionPathOfRequest, request: Request) -> ExecutionInfo:
    async with services_of(request).database.statement() as connection:
        return ExecutionInfo.of(await ExecutionRepository(connection).get(path))


@router.get(
    _EXECUTION + "/environment",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution_alone)],
    responses=documented(
        ExecutionHasAlreadyFinished,
        ExecutionIsAlreadyTerminated,
        SecretIsMissing,
        SecretsAreUnreadable,
    ),
)
async def get_execution_environment(path: ExecutionPathOfRequest, request: Request) -> ExecutionEnvironment:
    """The values of the function's secrets as they are now. For the execution's own container alone, until it has
    finished: no other key reads them."""
    services = services_of(request)
    async with services.database.statement() as connection:
        return ExecutionEnvironment(secrets=await read_secrets(connection, path, keys=services.secret_keys))


@router.get(
    _EXECUTION + "/logs",
    tags=[Tag.INVOCATIONS],
    dependencies=[Depends(require_root)],
    responses=documented(OffsetIsInvalid),
)
async def get_execution_logs(
    path: ExecutionPathOfRequest,
    request: Request,
    query: LogQueryOfRequest,
) -> ExecutionLogs:
    """What the container wrote, oldest first. `next_offset` goes on from there, also later, when there is more."""
    services = services_of(request)
    async with services.database.statement() as connection:
        detail = await ExecutionRepository(connection).get(path)
    return ExecutionLogs.of(detail, await read_logs(services.provisioner, detail.execution, query))
