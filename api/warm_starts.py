"""Gives a new invocation a container that is idle at once, while its workflow is on its way to do so.

The workflow's activity finds the slot taken and the container leased, as if an earlier try of it had done that and
died. So all of this may fail, or not happen.
"""

import asyncio
from datetime import timedelta

import structlog

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.slots import SlotQueue
from control_plane_server.catalog.warm_containers.containers import Lease
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.domain.containers import ContainerName
from control_plane_server.domain.entities import Invocation
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.domain.identifiers import execution_id_for
from control_plane_server.domain.traces import SpanRef

# The client waits meanwhile. It takes milliseconds.
_PATIENCE = timedelta(seconds=1)

logger = structlog.get_logger(__name__)


class _NoneIsIdle(Exception):
    """Any more: the slot is left to the workflow."""


async def has_idle(database: Database, invocation: Invocation) -> bool:
    """Whether `lease_idle` may find a container. Never raises."""
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()), database.statement() as connection:
            return await LeaseRepository(connection).has_idle(invocation.invocation_id)
    except (CatalogIsAway, TimeoutError):
        return False


async def lease_idle(database: Database, invocation: Invocation, *, traceparent: str | None) -> None:
    """Let the invocation's first execution begin in an idle container, if there is one, and a slot for which nobody
    waits. Only for an invocation whose workflow has been started, and knows that this may happen. `traceparent`: of the
    request that made the invocation. Never raises."""
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            await _take_and_lease(database, _first_lease(invocation, traceparent))
    except _NoneIsIdle:
        pass
    except (CatalogIsAway, TimeoutError) as error:
        logger.info("lease_is_left_to_workflow", invocation_id=invocation.invocation_id, reason=repr(error))


async def _take_and_lease(database: Database, lease: Lease) -> None:
    """Raises _NoneIsIdle."""
    async with database.transaction() as connection:
        is_taken = await SlotQueue(connection).take_free(
            invocation_id=lease.invocation_id, execution_id=lease.execution_id
        )
        if is_taken and await LeaseRepository(connection).lease(lease) is None:
            raise _NoneIsIdle


def _first_lease(invocation: Invocation, traceparent: str | None) -> Lease:
    launch = ContainerName(execution_id=execution_id_for(invocation.invocation_id, 1), launch=1)
    return Lease(
        function=invocation.function.ref,
        invocation_id=invocation.invocation_id,
        execution_id=launch.execution_id,
        launch=launch.launch,
        traceparent=None if traceparent is None else str(SpanRef.parse(traceparent).below(str(launch))),
    )
