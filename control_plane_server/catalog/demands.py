"""What functions of the newest versions may ask for at once."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from control_plane_server.catalog.tables import FunctionRow, VersionRow
from control_plane_server.domain.demands import Demand
from control_plane_server.domain.specs import ResourceSpec

_OTHER = aliased(VersionRow, name="other")
_IS_NEWEST = VersionRow.declaration_number == (
    select(func.max(_OTHER.declaration_number)).where(_OTHER.project_name == VersionRow.project_name).scalar_subquery()
)
_NEWEST = (
    select(
        FunctionRow.virtual_cpus,
        FunctionRow.memory_gbs,
        FunctionRow.max_concurrency,
        FunctionRow.platform["capacity"].astext.label("capacity"),
    )
    .join(VersionRow, VersionRow.version_id == FunctionRow.version_id)
    .where(_IS_NEWEST)
)


async def newest_demands(connection: AsyncConnection) -> list[Demand]:
    """Of the functions of each project's newest version."""
    return [
        Demand(
            resource_spec=ResourceSpec(
                virtual_cpus=row.virtual_cpus, memory_gbs=row.memory_gbs, max_concurrency=row.max_concurrency
            ),
            capacity=row.capacity,
        )
        for row in await connection.execute(_NEWEST)
    ]
