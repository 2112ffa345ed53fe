"""Opens the connection to a Docker engine, and builds on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.engine import Engine, open_docker
from control_plane_server.provisioners.docker.housekeeping import Housekeeping
from control_plane_server.provisioners.docker.notes import Notes
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner


@asynccontextmanager
async def open_engine(configuration: DockerConfiguration) -> AsyncIterator[Engine]:
    async with open_docker(configuration.engine_url) as docker:
        yield Engine(docker, configuration.engine_url)


@asynccontextmanager
async def open_docker_provisioner(configuration: DockerConfiguration) -> AsyncIterator[DockerProvisioner]:
    """The provisioner, with its housekeeping, while the context lasts. The engine need not answer yet."""
    async with open_engine(configuration) as engine:
        notes = Notes(engine, installation=configuration.installation)
        async with Housekeeping(engine, notes, configuration).keep_housekeeping():
            yield DockerProvisioner(engine, notes, configuration)
