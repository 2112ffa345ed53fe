"""Blobs as routes handle them: announced, taken, verified, given. No session is open while a store is asked."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import quote

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response, StreamingResponse

from api.bodies import UPLOAD_BYTES_PER_SECOND, UPLOAD_PATIENCE, allow_upload_of
from api.schemas.blobs import BlobUpload
from api.schemas.times import epoch_seconds
from api.services import Services, services_of
from control_plane_server.blobs.store import BlobStore
from control_plane_server.catalog.blobs import BlobRepository
from control_plane_server.catalog.paths import ExecutionPath
from control_plane_server.domain.blobs import Blob, BlobKind
from control_plane_server.domain.errors import (
    BlobDoesNotExist,
    BlobIsIncomplete,
    BlobIsInUse,
    BlobIsNotAsAnnounced,
    BlobsAreUploadedElsewhere,
    BlobStoreIsAway,
    BlobStoreIsNotConfigured,
)

# After which an upload that was not used is removed.
UPLOAD_VALIDITY = timedelta(days=1)
_PIECE_BYTES = 256 * 1024


def store_of(services: Services) -> BlobStore:
    """Raises BlobStoreIsNotConfigured."""
    if services.blobs is None:
        raise BlobStoreIsNotConfigured
    return services.blobs


async def upload_of(request: Request, blob: Blob, *, path: str) -> BlobUpload:
    """Where the bytes of a blob that was just announced are to be sent. `path`: of the blob in the API."""
    signer = store_of(services_of(request)).signer
    if signer is None:
        return BlobUpload(
            blob_id=blob.blob_id,
            upload_url=quote(path),
            upload_headers={"Content-Type": "application/octet-stream"},
            expires=epoch_seconds(blob.creation_time + UPLOAD_VALIDITY),
        )
    signed = await signer.upload(blob.blob_id, size=blob.size, sha256=blob.sha256)
    return BlobUpload(
        blob_id=blob.blob_id,
        upload_url=signed.url,
        upload_headers=signed.headers,
        expires=epoch_seconds(signed.expires),
    )


async def receive(request: Request, blob: Blob) -> None:
    """Put the request's body into the store. Whatever goes wrong, nothing of it is there.

    Raises BlobsAreUploadedElsewhere, BlobIsInUse, BlobIsNotAsAnnounced, BlobStoreIsAway, ServiceIsUnavailable if too
    many are uploaded at once, and HTTPException for a body that is too large or too slow.
    """
    services = services_of(request)
    store = store_of(services)
    if store.signer is not None:
        raise BlobsAreUploadedElsewhere
    if blob.is_complete:
        raise BlobIsInUse
    allow_upload_of(request.scope, blob.size)
    async with services.uploads.turn():
        try:
            # Whoever is too slow is told so by `bodies`; a store that takes nothing is not waited for much longer.
            async with asyncio.timeout((UPLOAD_PATIENCE * 2).total_seconds() + blob.size / UPLOAD_BYTES_PER_SECOND):
                await store.put(blob.blob_id, _verified(request.stream(), blob))
        except TimeoutError:
            raise BlobStoreIsAway from None


async def ensure_uploaded(services: Services, blob: Blob) -> None:
    """Raises BlobIsIncomplete, BlobStoreIsAway. Its checksum was verified by who received it."""
    if not blob.is_complete and await store_of(services).size(blob.blob_id) != blob.size:
        raise BlobIsIncomplete


async def uploaded_input(services: Services, project_name: str, blob_id: str) -> Blob:
    """An input that may be submitted. Raises BlobDoesNotExist, BlobIsIncomplete, BlobStoreIsAway."""
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).get(project_name, blob_id)
    if blob.kind is not BlobKind.INPUT:
        raise BlobDoesNotExist
    await ensure_uploaded(services, blob)
    return blob


async def uploaded_output(services: Services, path: ExecutionPath, blob_id: str) -> Blob:
    """An output of this execution that may be reported. Raises BlobDoesNotExist, BlobIsIncomplete, BlobStoreIsAway."""
    return await _uploaded_by(services, path, blob_id, BlobKind.OUTPUT)


async def uploaded_checkpoint(services: Services, path: ExecutionPath, blob_id: str) -> Blob:
    """A checkpoint of this execution that may be saved. Raises BlobDoesNotExist, BlobIsIncomplete, BlobStoreIsAway."""
    return await _uploaded_by(services, path, blob_id, BlobKind.CHECKPOINT)


async def content_of(services: Services, blob: Blob) -> Response:
    """A redirect to where its bytes are, or the bytes. Raises BlobDoesNotExist, also of what is not complete."""
    if not blob.is_complete:
        raise BlobDoesNotExist
    store = store_of(services)
    headers = {"X-Checksum-Sha256": blob.sha256, "Cache-Control": "private, no-store"}
    if store.signer is not None:
        signed = await store.signer.download(blob.object_id)
        return RedirectResponse(signed.url, status_code=307, headers=headers)
    pieces = store.read(blob.object_id)
    try:
        first = await anext(pieces, b"")
    except FileNotFoundError:
        raise BlobDoesNotExist from None
    return StreamingResponse(
        _in_order(first, pieces),
        media_type="application/octet-stream",
        headers={**headers, "Content-Length": str(blob.size)},
    )


async def _uploaded_by(services: Services, path: ExecutionPath, blob_id: str, kind: BlobKind) -> Blob:
    async with services.database.statement() as connection:
        blob = await BlobRepository(connection).get_of_execution(path, blob_id)
    if blob.kind is not kind or blob.execution_id != path.execution_id:
        raise BlobDoesNotExist
    await ensure_uploaded(services, blob)
    return blob


async def _in_order(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _until_broken_off(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Of a client that is gone nothing more comes: that is no defect, and answered as FastAPI does."""
    try:
        async for piece in body:
            yield piece
    except ClientDisconnect:
        raise HTTPException(400, "There was an error parsing the body") from None


async def _verified(body: AsyncIterator[bytes], blob: Blob) -> AsyncIterator[bytes]:
    """The body in larger pieces. Raises BlobIsNotAsAnnounced behind the last one, which keeps it from being stored."""
    digest, size = hashlib.sha256(), 0
    kept = bytearray()
    async for piece in _until_broken_off(body):
        digest.update(piece)
        size += len(piece)
        kept += piece
        if len(kept) >= _PIECE_BYTES:
            yield bytes(kept)
            kept.clear()
    if size != blob.size or digest.hexdigest() != blob.sha256:
        raise BlobIsNotAsAnnounced
    if kept:
        yield bytes(kept)
