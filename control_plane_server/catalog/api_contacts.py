"""Whether containers have found the API: what tells an address that is wrong from an API that is away."""

from datetime import timedelta

from sqlalchemy import func, select

from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.tables import INVOCATION_STATE, InvocationRow, seconds_backwards
from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.identifiers import InvocationId

_LATELY = timedelta(days=1)


class ApiContactRepository:
    def __init__(self, connection: StatementConnection) -> None:
        self._connection = connection

    async def neighbour_succeeded_lately(self, invocation_id: InvocationId) -> bool:
        """Whether an invocation of the same project has succeeded within a day, which takes a container that finds the
        API."""
        project = select(InvocationRow.project_name).where(InvocationRow.invocation_id == invocation_id)
        newest = (  # one row by the index of lists: that of the project's newest success
            select((InvocationRow.last_update_time > func.clock_timestamp() - _LATELY).label("is_recent"))
            .where(
                InvocationRow.project_name == project.scalar_subquery(),
                INVOCATION_STATE == InvocationOutcome.SUCCEEDED,
            )
            .order_by(seconds_backwards(InvocationRow.creation_time))
            .limit(1)
        )
        return bool(await self._connection.scalar(newest))
