"""The children of an invocation, counted for those who ask: an answer without them costs no further statement."""

from api.services import Services
from control_plane_server.catalog.invocation_counts import InvocationCountRepository
from control_plane_server.domain.entities import Invocation, InvocationCounts


async def counted(services: Services, invocation: Invocation) -> InvocationCounts | None:
    """None if it has none."""
    async with services.database.statement() as connection:
        return await InvocationCountRepository(connection).of_children(invocation.invocation_id)
