"""Containers of a Docker engine."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta

import structlog

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
from control_plane_server.domain.errors import (
    ContainerError,
    ContainerRegistryIsNotConfigured,
    FoldersAreNoImages,
    FunctionFailure,
    Unavailable,
)
from control_plane_server.domain.identifiers import ProjectName
from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.engine import Engine, Json, NameIsTaken, NoSuchImage
from control_plane_server.provisioners.docker.exits import (
    GONE,
    exit_of,
    has_ended,
    has_started,
    may_have_died_with_engine,
)
from control_plane_server.provisioners.docker.images import Images
from control_plane_server.provisioners.docker.logs import read_page
from control_plane_server.provisioners.docker.notes import Notes, is_withdrawal
from control_plane_server.provisioners.docker.platforms import ensure_engine_has, refuse_what_engines_lack
from control_plane_server.provisioners.docker.requests import (
    CONTAINER,
    INSTALLATION,
    container_options,
    memory_bytes,
    nano_cpus,
)
from control_plane_server.provisioners.docker.runtime_archive import runtime_archive
from control_plane_server.provisioners.secrets import refuse_secrets_of_aws
from control_plane_server.provisioners.watcher import Watcher

logger = structlog.get_logger(__name__)

_POLL_INTERVAL = timedelta(seconds=0.25)
_POLL_INTERVAL_PER_CONTAINER = timedelta(seconds=0.005)
# An engine may hang on one container and answer for all others.
_INSPECTION_LIMIT = timedelta(seconds=10)
_INSPECTIONS_AT_ONCE = 10
# A process that has created a container starts it at once. After this it has died, or is suspended.
_START_PATIENCE = timedelta(seconds=2)


class DockerProvisioner:
    """Implements `provisioners.contract.Provisioner`. A container's identifier is its name.

    A container is started by the process that created it, once, by its identifier: so none runs twice, and as a name
    has one container at a time, one runs. What its creator left unstarted is removed; then it can never start, and
    another is created. The engine refuses to remove what runs. (One that began and ended between a look and its removal
    would be taken for unstarted. The second container would have its `start` refused by the API.)
    """

    def __init__(
        self,
        engine: Engine,
        notes: Notes,
        configuration: DockerConfiguration,
        *,
        inspection_limit: timedelta = _INSPECTION_LIMIT,
    ) -> None:
        self._engine = engine
        self._notes = notes
        self._images = Images(engine, configuration)
        self._configuration = configuration
        self._inspection_limit = inspection_limit
        self._inspections = asyncio.Semaphore(_INSPECTIONS_AT_ONCE)
        self._watcher = Watcher(self._describe, interval=_interval, batch_size=1_000)

    async def prepare(self, function: Function) -> PreparedFunction:
        refuse_secrets_of_aws(function)
        await self._ensure_fits(function)
        image = await self._images.pin(function.docker_image, needs_program=function.command is None)
        labels = {INSTALLATION: self._configuration.installation}
        await ensure_engine_has(function.platform, self._engine, image=image, labels=labels)
        return PreparedFunction(type=ContainerType.TEST, identifier=image)

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        """None: a pulled image need not be removed."""
        return None

    async def retire(self, prepared: PreparedFunction) -> None:
        """Does nothing: other versions may have the same image."""

    async def launch(self, request: ContainerRequest, *, age: timedelta) -> ContainerDetails:
        while True:
            try:
                identifier = await self._create(request)
            except NameIsTaken:
                if await self._find_started(request.name):
                    return _details(request.name)
                continue
            if await self._start(identifier, request):
                return _details(request.name)

    async def withdraw(self, name: ContainerName, *, age: timedelta) -> ContainerDetails | None:
        while True:
            try:
                await self._notes.withdraw(str(name))
            except NameIsTaken:
                container = await self._engine.inspect(str(name))
                if container is None:
                    continue
                if is_withdrawal(container["Config"]["Labels"]):
                    return None
                if has_started(container):
                    return _details(name)
                await self._engine.remove(container["Id"])  # a process that is about to start it finds it gone
            else:
                return None

    async def list_live_containers(self, page: str | None = None) -> LivePage:
        names = map(ContainerName.parse, await self._running())
        found = (Container(name=name, details=_details(name)) for name in names if name is not None)
        return LivePage(containers=tuple(found))

    async def wait_for_exit(self, container: Container) -> ContainerExit:
        return await self._watcher.wait_for_exit(container.details.identifier)

    def check_soon(self, container: Container, *, has_outcome: bool = False) -> None:
        """Does nothing: every container is polled often."""

    def rely_on_events(self, *, are_heard: bool) -> None:
        """There are none."""

    async def stop(self, container: Container) -> None:
        """The note first: from then on `Housekeeping` of some process kills the container after its grace period."""
        name = container.details.identifier
        found = await self._engine.inspect(name)
        if found is None or has_ended(found):
            return
        await self._notes.stop(name, grace=self._configuration.stop_grace)
        await self._engine.kill(found["Id"], "SIGTERM")

    @property
    def usual_end(self) -> timedelta:
        return timedelta()

    @property
    def log_timing(self) -> LogTiming:
        return LogTiming(delay=timedelta(), longest_pause=timedelta(seconds=0.5))

    async def read_logs(
        self, details: ContainerDetails, offset: str | None, max_lines: int, *, start: LogStart = FIRST_LINE
    ) -> LogPage:
        return await read_page(self._engine, details.logs_identifier, offset, max_lines=max_lines, start=start)

    async def repository_credentials(self) -> RepositoryCredentials:
        raise ContainerRegistryIsNotConfigured

    async def built_images(self, project_name: ProjectName) -> tuple[str, ...]:
        raise ContainerRegistryIsNotConfigured

    async def remove_images(self, images: Collection[str]) -> None:
        raise ContainerRegistryIsNotConfigured

    async def image_folder(self) -> ImageFolder:
        raise FoldersAreNoImages

    async def forget(self, containers: Collection[ContainerName]) -> None:
        """Notes of withdrawals and stops are containers too, by these names."""
        for name in containers:
            await self._engine.remove(str(name))
            await self._notes.forget(str(name))

    async def _ensure_fits(self, function: Function) -> None:
        """Raises FunctionFailure. An engine itself refuses more CPUs than it has, but not more memory."""
        machine = await self._engine.machine()
        wanted = function.resource_spec
        if nano_cpus(wanted.virtual_cpus) > machine.cpus * 1_000_000_000:
            raise FunctionFailure(
                f"The function asks for {wanted.virtual_cpus} virtual CPUs, this server has {machine.cpus}"
            )
        if memory_bytes(wanted.memory_gbs) > machine.memory:
            raise FunctionFailure(
                f"The function asks for {wanted.memory_gbs} GB of memory, this server has {machine.memory / 2**30:.1f}"
            )
        refuse_what_engines_lack(function.platform, engine_architecture=machine.architecture)

    async def _create(self, request: ContainerRequest) -> str:
        """A container under its name, its image pulled again if need be. Raises NameIsTaken."""
        container = container_options(request, self._configuration)
        try:
            return await self._engine.create(str(request.name), container)
        except NoSuchImage:
            await self._images.pull(request.prepared_identifier)
        try:
            return await self._engine.create(str(request.name), container)
        except NoSuchImage as error:
            raise Unavailable(
                f"The image {request.prepared_identifier} was removed as soon as it was pulled"
            ) from error

    async def _start(self, identifier: str, request: ContainerRequest) -> bool:
        """False if somebody removed the container meanwhile."""
        try:
            if request.command is not None and not await self._engine.upload(identifier, runtime_archive()):
                return False
            return await self._engine.start(identifier)
        except FunctionFailure:
            await self._engine.remove(identifier)
            raise

    async def _find_started(self, name: ContainerName) -> bool:
        """Whether the container that has the name was started. If it is left unstarted, the name is freed."""
        container = await self._engine.inspect(str(name))
        if container is None:
            return False
        if is_withdrawal(container["Config"]["Labels"]):
            raise Unavailable(f"{name} was withdrawn")
        if has_started(container):
            return True
        await asyncio.sleep(_START_PATIENCE.total_seconds())
        again = await self._engine.inspect(container["Id"])
        if again is not None and has_started(again):
            return True
        await self._engine.remove(container["Id"])
        return False

    async def _describe(self, names: frozenset[str]) -> Mapping[str, ContainerExit]:
        """A container that cannot be inspected is polled again in the next round. If none can be, the first error is
        raised."""
        others = sorted(names - await self._running())
        answers = await asyncio.gather(*(self._inspect(name) for name in others))
        faults = {name: answer for name, answer in zip(others, answers, strict=True) if isinstance(answer, Exception)}
        if faults and len(faults) == len(names):
            raise next(iter(faults.values()))
        for name, fault in faults.items():
            logger.warning("container_is_not_seen", container=name, reason=str(fault))
        return {name: answer for name, answer in zip(others, answers, strict=True) if isinstance(answer, ContainerExit)}

    async def _inspect(self, name: str) -> ContainerExit | ContainerError | None:
        async with self._inspections:
            try:
                async with asyncio.timeout(self._inspection_limit.total_seconds()):
                    return await self._find_exit(name)
            except TimeoutError:
                return Unavailable("The Docker engine does not answer")
            except ContainerError as error:
                return error

    async def _running(self) -> frozenset[str]:
        labels = (CONTAINER, f"{INSTALLATION}={self._configuration.installation}")
        running = await self._engine.containers(labels, status="running")
        return frozenset(container["Labels"][CONTAINER] for container in running)

    async def _find_exit(self, name: str) -> ContainerExit | None:
        container = await self._engine.inspect(name)
        if container is None or is_withdrawal(container["Config"]["Labels"]):
            return GONE
        if not has_ended(container):
            return None
        return await self._exit_of(name, container)

    async def _exit_of(self, name: str, container: Json) -> ContainerExit:
        was_stopped = await self._notes.is_stopped(name)
        engine_start = await self._engine.start_time() if may_have_died_with_engine(container) else None
        return exit_of(container, was_stopped=was_stopped, engine_start=engine_start)


def _interval(containers: int) -> timedelta:
    return _POLL_INTERVAL + containers * _POLL_INTERVAL_PER_CONTAINER


def _details(name: ContainerName) -> ContainerDetails:
    return ContainerDetails(type=ContainerType.TEST, identifier=str(name), logs_identifier=str(name))
