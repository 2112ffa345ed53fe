"""Asks for the end of an invocation, or of a batch: the request is recorded, then whoever can end it is told."""

import asyncio
from datetime import timedelta

from api.services import Services
from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.paths import BatchPath, InvocationPath
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.identifiers import BatchId

# As long as a request to Temporal may take.
_PATIENCE = timedelta(seconds=2)
# In one transaction, which holds the lock of the function.
_PIECE = 500


async def cancel(services: Services, path: InvocationPath) -> Invocation:
    """Raises what `InvocationRepository.request_cancellation` raises."""
    async with services.database.transaction() as connection:
        invocation = await InvocationRepository(connection).request_cancellation(path)
    if invocation.batch_id is not None and not invocation.executions:
        await _end_unstarted(services, invocation.batch_id)
    else:
        await services.orchestrator.cancel_invocation(invocation.invocation_id)
    return invocation


async def cancel_batch(services: Services, path: BatchPath) -> Batch:
    """Raises what `BatchRepository.get` and `BatchRepository.request_cancellation` raise."""
    async with services.database.transaction() as connection:
        found = await BatchRepository(connection).get(path)
        await BatchRepository(connection).request_cancellation(found.batch_id)
    return await _end_unstarted(services, found.batch_id)


async def _end_unstarted(services: Services, batch_id: BatchId) -> Batch:
    """End what has no workflow at once, as much of it as there is time for. The batch's workflow does the rest, and has
    the others' cancelled."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE.total_seconds()
    while clock() < deadline and await _end_some(services.database, batch_id) == _PIECE:
        pass
    async with services.database.statement() as connection:
        batch = await BatchRepository(connection).get_by_id(batch_id)
    await services.orchestrator.advance_batch(batch)
    return batch


async def _end_some(database: Database, batch_id: BatchId) -> int:
    async with database.transaction() as connection:
        return (await BatchEndRepository(connection).end_unstarted(batch_id, reason=None, at_most=_PIECE)).ended
