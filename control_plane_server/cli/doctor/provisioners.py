"""Whether containers can be started: what runs them answers, and lets us."""

from sqlalchemy.exc import DBAPIError

from control_plane_server.catalog.demands import newest_demands
from control_plane_server.cli.doctor.aws import check_account
from control_plane_server.cli.doctor.checks import Check, failed, ok
from control_plane_server.domain.demands import Demand
from control_plane_server.domain.errors import CatalogIsAway, ContainerError
from control_plane_server.processes.connections import open_database
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.factory import open_engine
from environment.loading import Settings
from environment.settings import PostgresSettings


async def check_provisioner(settings: Settings) -> list[Check]:
    if settings.ecs is not None:
        return await check_account(settings.ecs, demands=await _demands(settings.postgres))
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


async def _demands(settings: PostgresSettings) -> list[Demand] | None:
    """None if the catalog cannot tell: then another check says why."""
    database = open_database(settings)
    try:
        async with database.transaction() as connection:
            return await newest_demands(connection)
    except (CatalogIsAway, DBAPIError):
        return None
    finally:
        await database.close()
