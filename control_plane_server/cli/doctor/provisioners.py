"""Whether containers can be started: what runs them answers, and lets us."""

from sqlalchemy.exc import DBAPIError

from control_plane_server.catalog.versions import VersionRepository
from control_plane_server.cli.doctor.aws import check_account
from control_plane_server.cli.doctor.checks import Check, failed, ok
from control_plane_server.domain.errors import CatalogIsAway, ContainerError
from control_plane_server.domain.platforms import Platform
from control_plane_server.processes.connections import open_database
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.factory import open_engine
from control_plane_server.provisioners.ecs.platforms import wanted_providers
from environment.loading import Settings
from environment.settings import PostgresSettings


async def check_provisioner(settings: Settings) -> list[Check]:
    if settings.ecs is not None:
        return await check_account(settings.ecs, named_providers=await _named_providers(settings.postgres))
    if settings.docker is not None:
        return [await _check_engine(settings.docker)]
    return [ok("containers", "processes of the machine that `loop` runs on")]


async def _check_engine(configuration: DockerConfiguration) -> Check:
    try:
        async with open_engine(configuration) as engine:
            machine = await engine.machine()
    except ContainerError as error:
        return failed("Docker engine", str(error), f"start it, or set DOCKER_HOST; now {configuration.engine_url}")
    return ok("Docker engine", f"{configuration.engine_url}, {machine.cpus} CPUs, {machine.memory / 2**30:.1f} GiB")


async def _named_providers(settings: PostgresSettings) -> frozenset[str] | None:
    """None if the catalog cannot tell: then another check says why."""
    database = open_database(settings)
    try:
        async with database.transaction() as connection:
            capacities = await VersionRepository(connection).newest_capacities()
    except (CatalogIsAway, DBAPIError):
        return None
    finally:
        await database.close()
    return frozenset(provider for capacity in capacities for provider in wanted_providers(Platform(capacity=capacity)))
