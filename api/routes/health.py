"""Whether this process lives, and whether what it depends on is there. No key is needed."""

import asyncio
from datetime import timedelta

from fastapi import Request, Response

from api.routers import new_router
from api.schemas.service import DependencyStatus, HealthStatus, ReadinessStatus
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.readiness import probe
from control_plane_server.domain.errors import CatalogIsAway, ServiceIsUnavailable

# Health checks are seldom given more than five seconds.
_PATIENCE = timedelta(seconds=3)

router = new_router(Tag.SERVICE)


@router.get("/")
async def health_check() -> HealthStatus:
    return HealthStatus(status="healthy")


@router.get(
    "/health/ready",
    responses={ServiceIsUnavailable.http_status: {"model": ReadinessStatus, "description": "Something is away"}},
)
async def health_ready(request: Request, response: Response) -> ReadinessStatus:
    services = services_of(request)
    has_postgres, has_temporal = await asyncio.gather(_answers(services.database), services.orchestrator.answers())
    temporal = _status(has_temporal)
    if has_temporal and services.orchestrator.link.problem is not None:
        temporal = DependencyStatus.NOT_OURS
    readiness = ReadinessStatus(postgres=_status(has_postgres), temporal=temporal)
    if {readiness.postgres, readiness.temporal} != {DependencyStatus.OK}:
        response.status_code = ServiceIsUnavailable.http_status
    return readiness


async def _answers(database: Database) -> bool:
    """Whether the catalog answers, has the tables of this release and accepts writes."""
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()), database.statement() as connection:
            await probe(connection)
    except (CatalogIsAway, TimeoutError):
        return False
    return True


def _status(is_there: bool) -> DependencyStatus:
    return DependencyStatus.OK if is_there else DependencyStatus.AWAY
