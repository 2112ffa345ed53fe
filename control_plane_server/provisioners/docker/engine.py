"""Requests to a Docker engine, its errors translated into ours."""

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from aiodocker import Docker
from aiodocker.exceptions import DockerError

from control_plane_server.domain.errors import Unavailable
from control_plane_server.provisioners.docker.failures import CONFLICT, NOT_FOUND, error_of

Json = dict[str, Any]

# No total limit, as a pull may take long while data arrives; and an engine that is busy with starts answers slowly.
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)


class NameIsTaken(Exception):
    """A container of this name exists."""


class NoSuchImage(Exception):
    """The engine does not have the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What an engine has: `memory` in bytes, `architecture` as its kernel names it."""

    cpus: int
    memory: int
    architecture: str


class Engine:
    """Containers are named or identified; either finds them. Raises the errors of `provisioners.contract`."""

    def __init__(self, docker: Docker, url: str) -> None:
        self.docker = docker
        self._url = url

    async def create(self, name: str, container: Mapping[str, Any]) -> str:
        """The identifier of a container that does not run yet. Raises NameIsTaken, NoSuchImage."""
        try:
            async with translate_connection_errors():
                return (await self.docker.containers.create(dict(container), name=name)).id
        except DockerError as error:
            if error.status == CONFLICT:
                raise NameIsTaken from error
            if error.status == NOT_FOUND and "image" in error.message.lower():
                raise NoSuchImage from error
            raise error_of(error) from error

    async def start(self, identifier: str) -> bool:
        """Start a container. False if it is gone or being removed."""
        return await self._unless(self._container(identifier).start(), NOT_FOUND, CONFLICT, but="network")

    async def kill(self, identifier: str, signal: str) -> bool:
        """Send a signal. False if the container is gone or does not run."""
        return await self._unless(self._container(identifier).kill(signal=signal), NOT_FOUND, CONFLICT)

    async def remove(self, identifier: str) -> bool:
        """Remove a container and its anonymous volumes, unless it runs. False if it does, or is gone."""
        return await self._unless(self._container(identifier).delete(v=True), NOT_FOUND, CONFLICT)

    async def upload(self, identifier: str, archive: bytes) -> bool:
        """Unpack a tar archive in the root of a container. False if it is gone."""
        return await self._unless(
            self._container(identifier).put_archive("/", io.BytesIO(archive)), NOT_FOUND, CONFLICT
        )

    async def inspect(self, identifier: str) -> Json | None:
        """The container as the engine describes it (Docker Engine API, "Inspect a container"); None if it is gone."""
        try:
            async with translate_connection_errors():
                container: Json = await self._container(identifier).show()
        except DockerError as error:
            if error.status == NOT_FOUND:
                return None
            raise error_of(error) from error
        return container

    async def containers(self, labels: Sequence[str], *, status: str | None = None) -> list[Json]:
        """Those with all of the labels, `name` or `name=value`, each in short: Id, Names, Labels, State, Created."""
        filters: dict[str, list[str]] = {"label": list(labels)}
        if status is not None:
            filters["status"] = [status]
        try:
            async with translate_connection_errors():
                found = await self.docker.containers.list(all=True, filters=filters)
        except DockerError as error:
            raise error_of(error) from error
        return [container._container for container in found]

    def open_client(self) -> Docker:
        """Another client, to be closed, for requests that take long, so that they occupy no connection of this one."""
        return open_docker(self._url)

    async def start_time(self) -> datetime | None:
        """When the engine was started: then it creates its default network anew. None if it has no such network.

        Asked on a connection of its own: an engine that is shutting down accepts none, while those that it has go on.
        """
        try:
            async with translate_connection_errors(), self.open_client() as docker:
                network = await (await docker.networks.get("bridge")).show()
        except DockerError as error:
            if error.status == NOT_FOUND:
                return None
            raise error_of(error) from error
        return datetime.fromisoformat(network["Created"])

    async def machine(self) -> Machine:
        try:
            async with translate_connection_errors():
                info = await self.docker.system.info()
        except DockerError as error:
            raise error_of(error) from error
        return Machine(
            cpus=int(info["NCPU"]), memory=int(info["MemTotal"]), architecture=str(info.get("Architecture", ""))
        )

    def _container(self, identifier: str) -> Any:
        return self.docker.containers.container(identifier)

    async def _unless(self, request: Any, *statuses: int, but: str | None = None) -> bool:
        try:
            async with translate_connection_errors():
                await request
        except DockerError as error:
            if error.status in statuses and (but is None or but not in error.message):
                return False
            raise error_of(error) from error
        return True


def open_docker(url: str) -> Docker:
    """A client, to be closed. The engine need not be there yet."""
    return Docker(url=url, timeout=_PATIENCE)


@asynccontextmanager
async def translate_connection_errors() -> AsyncIterator[None]:
    """Turns timeouts and errors of the connection to the engine into Unavailable."""
    try:
        yield
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"The Docker engine does not answer: {error or type(error).__name__}") from error
