"""/projects/…/executions/…/checkpoint: what the code in a container saves for the next one."""

from fastapi import Depends, Request

from api.authorization import require_own_execution
from api.blobs import uploaded_checkpoint
from api.errors import documented
from api.keyed_routes import turn_of
from api.parameters import ExecutionPathOfRequest
from api.routers import new_router
from api.schemas.checkpoints import CheckpointInfo, CheckpointPayload
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.checkpoints import CheckpointRepository
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository, refusal_to_report
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BlobDoesNotExist,
    BlobIsIncomplete,
    BlobStoreIsAway,
    BlobStoreIsNotConfigured,
    BodyIsTooLarge,
    CheckpointDoesNotExist,
    ExecutionDoesNotExist,
    ExecutionHasAlreadyFinished,
    ExecutionHasNotStarted,
    ExecutionIsAlreadyTerminated,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    LaunchIsOvertaken,
    ProjectDoesNotExist,
    ServiceIsUnavailable,
    TooManyRequests,
    VersionDoesNotExist,
)

_CHECKPOINT = (
    "/projects/{project_name}/versions/{version_ref_str}/functions/{function_name}"
    "/invocations/{invocation_id}/executions/{execution_id}/checkpoint"
)

_NO_SUCH_EXECUTION = (
    ProjectDoesNotExist,
    VersionDoesNotExist,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    ExecutionDoesNotExist,
)

router = new_router(
    responses=documented(ApiKeyIsInvalid, *_NO_SUCH_EXECUTION, ServiceIsUnavailable, TooManyRequests),
)


@router.put(
    _CHECKPOINT,
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(
        ExecutionHasNotStarted,
        ExecutionHasAlreadyFinished,
        ExecutionIsAlreadyTerminated,
        LaunchIsOvertaken,
        BodyIsTooLarge,
        BlobDoesNotExist,
        BlobIsIncomplete,
        BlobStoreIsAway,
        BlobStoreIsNotConfigured,
    ),
)
async def save_checkpoint(path: ExecutionPathOfRequest, payload: CheckpointPayload, request: Request) -> CheckpointInfo:
    """Put a checkpoint in place of the invocation's last one, while the execution is under way: also when it was told
    to stop, so that code which is interrupted can save where it was. The answer says that it is durable."""
    turn = turn_of(request)
    if turn is not None:
        await turn.pace_report(len(payload.value.encode()))
    services = services_of(request)
    launch = payload.launch if path.launch is None else path.launch
    blob = None
    if payload.value_blob is not None:
        blob = await uploaded_checkpoint(services, path, payload.value_blob)
    async with services.database.statement() if blob is None else services.database.transaction() as connection:
        saved = await CheckpointRepository(connection).save(
            path, value=payload.value, blob=blob, launch=launch, sequence=payload.sequence
        )
        if saved is not None:
            return CheckpointInfo.of(saved)
        execution = (await ExecutionRepository(connection).get(path)).execution
        if execution.newest_launch != launch and launch is not None:
            raise LaunchIsOvertaken
        raise refusal_to_report(execution)


@router.get(
    _CHECKPOINT,
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(*_NO_SUCH_EXECUTION, CheckpointDoesNotExist),
)
async def get_checkpoint(path: ExecutionPathOfRequest, request: Request) -> CheckpointInfo:
    """The invocation's last checkpoint, of whichever attempt."""
    async with services_of(request).database.statement() as connection:
        detail = await ExecutionRepository(connection).get(path)
        return CheckpointInfo.of(await CheckpointRepository(connection).load(detail.invocation_id))
