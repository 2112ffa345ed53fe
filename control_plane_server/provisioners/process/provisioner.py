"""Containers as processes of this machine, for development: no isolation, no limit on CPU, and one on memory only
where the kernel's control groups can be used."""

import asyncio
import subprocess
import sys
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path

import structlog
from control_plane.deployment.runtime_copies import PROGRAM, runtime_path

from control_plane_server.domain.containers import (
    FIRST_LINE,
    Container,
    ContainerExit,
    ContainerName,
    ContainerRequest,
    ImageFolder,
    LivePage,
    LogPage,
    LogStart,
    LogTiming,
    RepositoryCredentials,
)
from control_plane_server.domain.entities import ContainerDetails, ContainerType, Function, PreparedFunction
from control_plane_server.domain.errors import ContainerRegistryIsNotConfigured, Unavailable
from control_plane_server.domain.identifiers import ProjectName
from control_plane_server.provisioners.process import supervisor
from control_plane_server.provisioners.process.all_containers import live_container_names
from control_plane_server.provisioners.process.assignments import Assignment
from control_plane_server.provisioners.process.container_folders import ContainerFolder, folder_of
from control_plane_server.provisioners.process.environments import container_environment, inherited_environment
from control_plane_server.provisioners.process.exits import exit_of
from control_plane_server.provisioners.process.image_folders import identified, image_root, note_use
from control_plane_server.provisioners.process.images import folder_of_image, python_of
from control_plane_server.provisioners.process.log_files import read_page
from control_plane_server.provisioners.process.platforms import refuse_what_processes_lack
from control_plane_server.provisioners.process.running_marks import mark
from control_plane_server.provisioners.secrets import refuse_secrets_of_aws
from control_plane_server.provisioners.watcher import Watcher

logger = structlog.get_logger(__name__)

_PROJECT = Path(supervisor.__file__).parents[3]
_POLL_INTERVAL = timedelta(seconds=0.2)  # a look wakes the process up, which takes a millisecond of CPU
_CLAIM_TIMEOUT = timedelta(seconds=30)


class ProcessProvisioner:
    """Implements `provisioners.contract.Provisioner`.

    Each container has a folder under `data_dir` and a supervisor, a process in a session of its own: both outlive us.
    """

    def __init__(self, *, data_dir: Path, api_url: str, stop_grace: timedelta) -> None:
        self._data_dir = data_dir
        self._api_url = api_url
        self._stop_grace = stop_grace
        self._watcher = Watcher(self._describe, interval=lambda _count: _POLL_INTERVAL, batch_size=1_000)

    async def prepare(self, function: Function) -> PreparedFunction:
        refuse_secrets_of_aws(function)
        refuse_what_processes_lack(function.platform)
        folder = await asyncio.to_thread(folder_of_image, function.docker_image, needs_main=function.command is None)
        note_use(folder, self._data_dir)  # a snapshot that is declared again is not old
        return PreparedFunction(type=ContainerType.TEST, identifier=str(folder))

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        """None: preparing makes nothing."""
        return None

    async def retire(self, prepared: PreparedFunction) -> None:
        """Does nothing: an image folder is the user's."""

    async def launch(self, request: ContainerRequest, *, age: timedelta = timedelta()) -> ContainerDetails:
        """Takes at most 30 s. Raises Unavailable if no process can be started, or the name was withdrawn."""
        try:
            return await asyncio.to_thread(self._launch, request)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"No process can be started: {error}") from error

    async def withdraw(self, name: ContainerName, *, age: timedelta = timedelta()) -> ContainerDetails | None:
        folder = self._folder(str(name))
        folder.withdraw()
        return None if folder.supervisor() is None else _details(name)

    async def list_live_containers(self, page: str | None = None) -> LivePage:
        names = map(ContainerName.parse, await asyncio.to_thread(live_container_names, self._data_dir))
        found = (Container(name=name, details=_details(name)) for name in names if name is not None)
        return LivePage(containers=tuple(found))

    async def wait_for_exit(self, container: Container) -> ContainerExit:
        return await self._watcher.wait_for_exit(container.details.identifier)

    def check_soon(self, container: Container, *, has_outcome: bool = False) -> None:
        """Does nothing: every container is polled often."""

    def rely_on_events(self, *, are_heard: bool) -> None:
        """There are none."""

    async def stop(self, container: Container) -> None:
        process = self._folder(container.details.identifier).supervisor()
        if process is not None:
            process.terminate()

    @property
    def usual_end(self) -> timedelta:
        return timedelta()

    @property
    def log_timing(self) -> LogTiming:
        return LogTiming(delay=timedelta(), longest_pause=timedelta(seconds=0.5))

    async def read_logs(
        self, details: ContainerDetails, offset: str | None, max_lines: int, *, start: LogStart = FIRST_LINE
    ) -> LogPage:
        return await asyncio.to_thread(self._read_logs, details.logs_identifier, offset, max_lines, start)

    async def repository_credentials(self) -> RepositoryCredentials:
        raise ContainerRegistryIsNotConfigured

    async def built_images(self, project_name: ProjectName) -> tuple[str, ...]:
        raise ContainerRegistryIsNotConfigured

    async def remove_images(self, images: Collection[str]) -> None:
        raise ContainerRegistryIsNotConfigured

    async def image_folder(self) -> ImageFolder:
        try:
            return await asyncio.to_thread(identified, image_root(self._data_dir))
        except OSError as error:
            raise Unavailable(f"The folder of images cannot be used: {error}") from error

    async def forget(self, containers: Collection[ContainerName]) -> None:
        try:
            await asyncio.to_thread(self._forget, containers)
        except OSError as error:
            raise Unavailable(f"Folders of containers cannot be removed: {error}") from error

    def _forget(self, containers: Collection[ContainerName]) -> None:
        for name in containers:
            self._folder(str(name)).remove()

    def _launch(self, request: ContainerRequest) -> ContainerDetails:
        folder = self._folder(str(request.name))
        if folder.supervisor() is None:
            folder.make()
            mark(self._data_dir, folder)
            folder.note_image(Path(request.prepared_identifier))
            note_use(Path(request.prepared_identifier), self._data_dir)
            self._start_supervisor(folder, self._assignment(request, folder))
        if folder.supervisor() is None:
            raise Unavailable(f"{request.name} was withdrawn, or its supervisor failed, see {folder.supervisor_log}")
        return _details(request.name)

    def _assignment(self, request: ContainerRequest, folder: ContainerFolder) -> Assignment:
        image = Path(request.prepared_identifier)
        python_path = runtime_path(self._data_dir)
        return Assignment(
            container_folder=str(folder.path),
            image_folder=str(image),
            # Not by its name: Python would look for modules of its own in the image first, before we could prevent it.
            command=(python_of(image), str(python_path / PROGRAM)),
            environment=container_environment(
                request, api_url=self._api_url, python_path=python_path, stop_grace=self._stop_grace
            ),
            stop_grace_seconds=self._stop_grace.total_seconds(),
            memory_mib=round(request.resource_spec.memory_gbs * 1_024),
        )

    def _start_supervisor(self, folder: ContainerFolder, assignment: Assignment) -> None:
        """Returns when the name is taken. Several processes may do this at once: one supervisor stays."""
        with folder.supervisor_log.open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", supervisor.__name__],
                input=assignment.to_json().encode(),
                stdout=log,
                stderr=log,
                cwd="/",
                env=inherited_environment() | {"PYTHONPATH": str(_PROJECT)},
                timeout=_CLAIM_TIMEOUT.total_seconds(),
                check=False,
            )

    async def _describe(self, containers: frozenset[str]) -> Mapping[str, ContainerExit]:
        return await asyncio.to_thread(self._find_exits, containers)

    def _find_exits(self, containers: frozenset[str]) -> dict[str, ContainerExit]:
        """What cannot be seen of one container now is looked for in the next round."""
        exits = {}
        for container in containers:
            try:
                container_exit = exit_of(self._folder(container))
            except OSError as error:
                logger.warning("container_is_not_seen", container=container, reason=str(error))
                continue
            if container_exit is not None:
                exits[container] = container_exit
        return exits

    def _read_logs(self, container: str, offset: str | None, max_lines: int, start: LogStart) -> LogPage:
        folder = self._folder(container)
        is_complete = folder.has_ended()  # asked before the reading, or its last line might be missed for good
        return read_page(folder.log, offset, max_lines=max_lines, is_complete=is_complete, start=start)

    def _folder(self, container: str) -> ContainerFolder:
        return folder_of(self._data_dir, container)


def _details(name: ContainerName) -> ContainerDetails:
    return ContainerDetails(type=ContainerType.TEST, identifier=str(name), logs_identifier=str(name))
