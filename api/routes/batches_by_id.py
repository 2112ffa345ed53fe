"""/batches/…: a batch by its id alone, wherever it is."""

from typing import Annotated

from fastapi import Depends, Request

from api.authorization import Caller, require_key
from api.errors import documented
from api.routers import new_router
from api.schemas.batches import BatchInfo
from api.services import services_of
from api.tags import Tag
from api.visibility import project_seen_by, require_seen
from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BatchDoesNotExist,
    ServiceIsUnavailable,
    TooManyRequests,
)

router = new_router(Tag.BATCHES, responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests))


@router.get("/batches/{batch_id}", responses=documented(BatchDoesNotExist))
async def get_batch_by_id(
    batch_id: str, request: Request, caller: Annotated[Caller, Depends(require_key)]
) -> BatchInfo:
    """A batch, whatever its project, version and function. One of a project that the key may not see does not exist."""
    async with services_of(request).database.statement() as connection:
        seen = await project_seen_by(caller, connection)
        batch = await BatchRepository(connection).get_by_id(batch_id)
    require_seen(batch.function.project_name, seen, BatchDoesNotExist)
    return BatchInfo.of(batch)
