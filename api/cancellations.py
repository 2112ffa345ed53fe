"""Asks for the end of an invocation: the request is recorded, then whoever can end it is told."""

from api.services import Services
from control_plane_server.catalog.batches import BatchRepository
from control_plane_server.catalog.invocations import InvocationRepository
from control_plane_server.catalog.paths import InvocationPath
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.identifiers import BatchId


async def cancel(services: Services, path: InvocationPath) -> Invocation:
    """Raises what `InvocationRepository.request_cancellation` raises."""
    async with services.database.transaction() as connection:
        invocation = await InvocationRepository(connection).request_cancellation(path)
    if invocation.batch_id is not None and not invocation.executions:
        await _tell_batch(services, invocation.batch_id)
    else:
        await services.orchestrator.cancel_invocation(invocation.invocation_id)
    return invocation


async def _tell_batch(services: Services, batch_id: BatchId) -> None:
    """One that has had no execution has no workflow: its batch's ends it."""
    async with services.database.statement() as connection:
        batch = await BatchRepository(connection).get_by_id(batch_id)
    await services.orchestrator.advance_batch(batch)
