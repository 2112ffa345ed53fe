"""Whether containers can be started: what runs them answers, and lets us."""

from control_plane_server.cli.doctor.aws import check_account
from control_plane_server.cli.doctor.checks import Check, failed, ok
from control_plane_server.domain.errors import ContainerError
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.factory import open_engine
from environment.loading import Settings


async def check_provisioner(settings: Settings) -> list[Check]:
    if settings.ecs is not None:
        return await check_account(settings.ecs)
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
