"""/projects/…/blobs and …/artifacts: inputs, outputs and files that are too large for requests and answers."""

from typing import Annotated

from fastapi import Depends, Request, Response

from api.authorization import Caller, require_key, require_own_execution, require_project_member
from api.blobs import content_of, ensure_uploaded, receive, store_of, upload_of
from api.errors import documented
from api.parameters import ExecutionPathOfRequest, InvocationPathOfRequest
from api.routers import new_router
from api.schemas.blobs import (
    ArtifactDefinition,
    ArtifactInfo,
    ArtifactsList,
    BlobUpload,
    ExecutionBlobDefinition,
    InputBlobDefinition,
    UploadedBlob,
)
from api.services import services_of
from api.tags import Tag
from api.visibility import project_seen_by
from control_plane_server.catalog.blobs import BlobRepository
from control_plane_server.domain.blobs import BlobKind
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BlobDoesNotExist,
    BlobIsIncomplete,
    BlobIsInUse,
    BlobIsNotAsAnnounced,
    BlobsAreUploadedElsewhere,
    BlobStoreIsAway,
    BlobStoreIsNotConfigured,
    BodyIsTooLarge,
    BodyIsTooSlow,
    ExecutionDoesNotExist,
    ExecutionIsAlreadyTerminated,
    FunctionDoesNotExist,
    InvocationDoesNotExist,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ServiceIsUnavailable,
    TooManyRequests,
    VersionDoesNotExist,
)

_BLOBS = "/projects/{project_name}/blobs"
_INVOCATION = (
    "/projects/{project_name}/versions/{version_ref_str}/functions/{function_name}/invocations/{invocation_id}"
)
_EXECUTION = _INVOCATION + "/executions/{execution_id}"
_UPLOAD_ERRORS = (
    BlobDoesNotExist,
    BlobIsInUse,
    BlobIsNotAsAnnounced,
    BlobsAreUploadedElsewhere,
    BodyIsTooLarge,
    BodyIsTooSlow,
)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_CONTENT: dict[int | str, dict[str, object]] = {
    200: {
        "description": "The bytes",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    307: {"description": "Where the bytes are; no key may be sent there"},
}

router = new_router(
    responses=documented(
        ApiKeyIsInvalid, ProjectDoesNotExist, ServiceIsUnavailable, TooManyRequests, BlobStoreIsNotConfigured
    )
)


@router.post(
    _BLOBS,
    tags=[Tag.DATA],
    dependencies=[Depends(require_project_member)],
    responses=documented(ProjectIsBeingDeleted, BlobStoreIsAway),
)
async def create_blob(project_name: str, definition: InputBlobDefinition, request: Request) -> BlobUpload:
    """Announce an input that is too large for a request: the answer says where it is to be uploaded. Then its id is the
    `input_blob` of one invocation. An upload that no invocation uses within a day is removed."""
    services = services_of(request)
    store_of(services)
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).announce_input(project_name, definition.to_domain())
    return await upload_of(request, blob, path=f"{request.scope['path']}/{blob.blob_id}")


@router.put(
    _BLOBS + "/{blob_id}",
    tags=[Tag.DATA],
    dependencies=[Depends(require_project_member)],
    responses=documented(*_UPLOAD_ERRORS),
    openapi_extra=_BODY,
)
async def upload_blob(project_name: str, blob_id: str, request: Request) -> UploadedBlob:
    """Upload an input, where its `upload_url` leads here."""
    async with services_of(request).database.statement() as connection:
        blob = await BlobRepository(connection).get(project_name, blob_id)
    if blob.kind is not BlobKind.INPUT:
        raise BlobDoesNotExist
    await receive(request, blob)
    return UploadedBlob.of(blob)


@router.get(
    _BLOBS + "/{blob_id}",
    tags=[Tag.DATA],
    dependencies=[Depends(require_project_member)],
    response_class=Response,
    responses=_CONTENT | documented(BlobDoesNotExist),
)
async def get_blob(project_name: str, blob_id: str, request: Request) -> Response:
    """The bytes of an input, an output or an artifact of the project, or a redirect to them."""
    services = services_of(request)
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).get(project_name, blob_id)
    return await content_of(services, blob)


@router.get(
    "/blobs/{blob_id}",
    tags=[Tag.DATA],
    response_class=Response,
    responses=_CONTENT | documented(BlobDoesNotExist),
)
async def get_blob_by_id(blob_id: str, request: Request, caller: Annotated[Caller, Depends(require_key)]) -> Response:
    """The same by its id alone. One of a project that the key may not see does not exist."""
    services = services_of(request)
    async with services.database.statement() as connection:
        seen = await project_seen_by(caller, connection)
        blob = await BlobRepository(connection).get_by_id(blob_id, project_name=seen)
    return await content_of(services, blob)


_MISSING_INVOCATION = (VersionDoesNotExist, FunctionDoesNotExist, InvocationDoesNotExist)
_MISSING_EXECUTION = (*_MISSING_INVOCATION, ExecutionDoesNotExist)


@router.get(
    _INVOCATION + "/artifacts",
    tags=[Tag.DATA],
    dependencies=[Depends(require_project_member)],
    responses=documented(*_MISSING_INVOCATION),
)
async def list_artifacts(path: InvocationPathOfRequest, request: Request) -> ArtifactsList:
    """The files that an invocation's containers have kept, of all attempts, by their names."""
    async with services_of(request).database.statement() as connection:
        found = await BlobRepository(connection).artifacts_of_invocation(path)
    return ArtifactsList(artifacts=[ArtifactInfo.of(blob) for blob in found])


@router.post(
    _EXECUTION + "/blobs",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(*_MISSING_EXECUTION, ProjectIsBeingDeleted, ExecutionIsAlreadyTerminated, BlobStoreIsAway),
)
async def create_execution_blob(
    path: ExecutionPathOfRequest, definition: ExecutionBlobDefinition, request: Request
) -> BlobUpload:
    """Announce an output that is too large for a report, or a checkpoint: the answer says where it is to be uploaded.
    Then its id is the `output_blob` of the last report, or the `value_blob` of the checkpoint."""
    services = services_of(request)
    store_of(services)
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).announce_of_execution(path, definition.to_domain())
    return await upload_of(request, blob, path=f"{request.scope['path']}/{blob.blob_id}")


@router.put(
    _EXECUTION + "/blobs/{blob_id}",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(*_MISSING_EXECUTION, *_UPLOAD_ERRORS),
    openapi_extra=_BODY,
)
async def upload_execution_blob(path: ExecutionPathOfRequest, blob_id: str, request: Request) -> UploadedBlob:
    """Upload what was announced, where its `upload_url` leads here."""
    async with services_of(request).database.statement() as connection:
        blob = await BlobRepository(connection).get_of_execution(path, blob_id)
    if blob.execution_id != path.execution_id:
        raise BlobDoesNotExist
    await receive(request, blob)
    return UploadedBlob.of(blob)


@router.get(
    _EXECUTION + "/blobs/{blob_id}",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    response_class=Response,
    responses=_CONTENT | documented(*_MISSING_EXECUTION, BlobDoesNotExist),
)
async def get_execution_blob(path: ExecutionPathOfRequest, blob_id: str, request: Request) -> Response:
    """The bytes of the invocation's input, or of what its containers have made, or a redirect to them."""
    services = services_of(request)
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).get_of_execution(path, blob_id)
    return await content_of(services, blob)


@router.post(
    _EXECUTION + "/artifacts",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(*_MISSING_EXECUTION, ProjectIsBeingDeleted, ExecutionIsAlreadyTerminated, BlobStoreIsAway),
)
async def create_artifact(path: ExecutionPathOfRequest, definition: ArtifactDefinition, request: Request) -> BlobUpload:
    """Announce a file that is to be kept: the answer says where it is to be uploaded. It is there once it is said to
    be complete."""
    services = services_of(request)
    store_of(services)
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).announce_of_execution(path, definition.to_domain())
    blobs = request.scope["path"].removesuffix("/artifacts") + "/blobs"
    return await upload_of(request, blob, path=f"{blobs}/{blob.blob_id}")


@router.put(
    _EXECUTION + "/artifacts/{blob_id}",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(*_MISSING_EXECUTION, BlobDoesNotExist, BlobIsIncomplete, BlobStoreIsAway),
)
async def complete_artifact(path: ExecutionPathOfRequest, blob_id: str, request: Request) -> ArtifactInfo:
    """A file has been uploaded: from now on it is listed, in place of one of the same name in the same execution. May
    be repeated."""
    services = services_of(request)
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).get_of_execution(path, blob_id)
    if blob.kind is not BlobKind.ARTIFACT or blob.execution_id != path.execution_id:
        raise BlobDoesNotExist
    await ensure_uploaded(services, blob)
    async with services.database.transaction() as connection:
        await BlobRepository(connection).complete(blob)
    return ArtifactInfo.of(blob)


@router.get(
    _EXECUTION + "/artifacts",
    tags=[Tag.CONTAINERS],
    dependencies=[Depends(require_own_execution)],
    responses=documented(*_MISSING_EXECUTION),
)
async def list_artifacts_of_execution(path: ExecutionPathOfRequest, request: Request) -> ArtifactsList:
    """The files that an execution's container has kept, by their names."""
    async with services_of(request).database.statement() as connection:
        found = await BlobRepository(connection).artifacts_of_execution(path)
    return ArtifactsList(artifacts=[ArtifactInfo.of(blob) for blob in found])
