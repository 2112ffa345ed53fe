"""A provisioner that does nothing by itself: what it is asked to run is told to the process that measures.

So containers cost the `loop` process a line on a Unix socket each, and whoever measures knows when each was asked for.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from control_plane_server.domain.containers import (
    FIRST_LINE,
    Container,
    ContainerExit,
    ContainerName,
    ContainerRequest,
    ExitCause,
    ImageFolder,
    LivePage,
    LogPage,
    LogStart,
    LogTiming,
    RepositoryCredentials,
)
from control_plane_server.domain.entities import ContainerDetails, ContainerType, Function, PreparedFunction
from control_plane_server.domain.errors import ContainerRegistryIsNotConfigured, FoldersAreNoImages
from control_plane_server.domain.identifiers import ProjectName


class RemoteProvisioner:
    """Implements `provisioners.contract.Provisioner`. Made by `connect_provisioner`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._exits: dict[ContainerName, asyncio.Future[ContainerExit]] = {}

    async def listen(self) -> None:
        """Record the ends of containers until the other side closes the connection."""
        while line := await self._reader.readline():
            self._end(line.decode().strip(), ExitCause.EXITED, "exited with code 0")

    async def prepare(self, function: Function) -> PreparedFunction:
        return PreparedFunction(type=ContainerType.TEST, identifier=function.ref.function_name)

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        """Nothing was made."""
        return None

    async def retire(self, prepared: PreparedFunction) -> None:
        """Nothing was made."""

    async def launch(self, request: ContainerRequest, *, age: timedelta) -> ContainerDetails:
        if request.name not in self._exits:
            self._exits[request.name] = asyncio.get_running_loop().create_future()
            message = {
                "name": str(request.name),
                "time": time.time(),
                "function": request.function.function_name,
                "path": _path(request) if request.reuse is None else f"/containers/{request.name.warm_container_id}",
                "is_warm": request.reuse is not None,
                "token": request.token,
            }
            self._writer.write(json.dumps(message).encode() + b"\n")
        return _details(request.name)

    async def withdraw(self, name: ContainerName, *, age: timedelta) -> ContainerDetails | None:
        return _details(name) if name in self._exits else None

    async def list_live_containers(self, page: str | None = None) -> LivePage:
        running = [name for name, container_exit in self._exits.items() if not container_exit.done()]
        return LivePage(containers=tuple(Container(name=name, details=_details(name)) for name in running))

    async def wait_for_exit(self, container: Container) -> ContainerExit:
        """May be asked again, by a try that follows one that could not record the end."""
        return await asyncio.shield(self._exits[container.name])

    def check_soon(self, container: Container, *, has_outcome: bool = False) -> None:
        """Nothing: whoever waits is told at once."""

    def rely_on_events(self, *, are_heard: bool) -> None:
        """There are none."""

    async def stop(self, container: Container) -> None:
        self._end(str(container.name), ExitCause.STOPPED, "stopped")

    @property
    def usual_end(self) -> timedelta:
        return timedelta()

    @property
    def log_timing(self) -> LogTiming:
        return LogTiming(delay=timedelta(), longest_pause=timedelta(seconds=1))

    async def read_logs(
        self, details: ContainerDetails, offset: str | None, max_lines: int, *, start: LogStart = FIRST_LINE
    ) -> LogPage:
        return LogPage(entries=(), next_offset=None)

    async def repository_credentials(self) -> RepositoryCredentials:
        raise ContainerRegistryIsNotConfigured

    async def built_images(self, project_name: ProjectName) -> tuple[str, ...]:
        raise ContainerRegistryIsNotConfigured

    async def remove_images(self, images: Collection[str]) -> None:
        raise ContainerRegistryIsNotConfigured

    async def image_folder(self) -> ImageFolder:
        raise FoldersAreNoImages

    async def forget(self, containers: Collection[ContainerName]) -> None:
        """Nothing is left of them."""

    def _end(self, name: str, cause: ExitCause, reason: str) -> None:
        container_name = ContainerName.parse(name)
        container_exit = None if container_name is None else self._exits.get(container_name)
        if container_exit is not None and not container_exit.done():
            container_exit.set_result(ContainerExit(cause=cause, reason=reason))


@asynccontextmanager
async def connect_provisioner(socket: Path) -> AsyncIterator[RemoteProvisioner]:
    """Connected to the `ContainerHost` that listens there."""
    provisioner = RemoteProvisioner(*await asyncio.open_unix_connection(socket))
    listening = asyncio.create_task(provisioner.listen())
    try:
        yield provisioner
    finally:
        listening.cancel()


def _details(name: ContainerName) -> ContainerDetails:
    return ContainerDetails(type=ContainerType.TEST, identifier=str(name), logs_identifier=str(name))


def _path(request: ContainerRequest) -> str:
    function = request.function
    return (
        f"/projects/{function.project_name}/versions/{function.version_id}/functions/{function.function_name}"
        f"/invocations/{request.invocation_id}/executions/{request.name.execution_id}"
    )
