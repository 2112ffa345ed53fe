"""Containers that live in the test's memory: they outlive every `loop`, and do only what a step makes them do."""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

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
from control_plane_server.domain.errors import (
    ContainerRegistryIsNotConfigured,
    FoldersAreNoImages,
    NoCapacity,
    Unavailable,
)
from control_plane_server.domain.identifiers import ExecutionId, FunctionName, InvocationId, ProjectName


@dataclass(eq=False, slots=True, kw_only=True)
class Told:
    """What a warm container was told to run. `path`, `token`: for its reports. `exit_code`: of its process, None while
    that runs or is yet to begin. `report`: what goes with the container's next question."""

    function: FunctionName
    invocation_id: InvocationId
    execution_id: ExecutionId
    launch: int
    path: str
    token: str
    must_stop: bool = False
    has_started: bool = False
    has_finished: bool = False
    exit_code: int | None = None
    report: Mapping[str, object] | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class SimulatedContainer:
    """`is_stopping`: it has had its SIGTERM. Of a warm one, `told` is what it runs; one that `is_paused` does
    nothing."""

    request: ContainerRequest
    exit: "asyncio.Future[ContainerExit]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    is_stopping: bool = False
    has_started: bool = False
    has_finished: bool = False
    told: Told | None = None
    is_paused: bool = False

    @property
    def is_alive(self) -> bool:
        return not self.exit.done()

    @property
    def runs(self) -> ExecutionId | None:
        """The execution that needs a slot as long as this is alive."""
        if self.request.reuse is None:
            return self.request.name.execution_id
        is_running = self.told is not None and self.told.has_started and self.told.exit_code is None
        return self.told.execution_id if self.told is not None and is_running else None

    @property
    def details(self) -> ContainerDetails:
        name = str(self.request.name)
        return ContainerDetails(type=ContainerType.TEST, identifier=name, logs_identifier=name)

    def end(self, code: int, reason: str) -> None:
        """Exit, or be killed from within. One that is gone stays as it went."""
        cause = ExitCause.STOPPED if self.is_stopping else ExitCause.EXITED
        self._end(ContainerExit(cause=cause, reason=reason, exit_code=code))

    def lose(self) -> None:
        """Infrastructure takes it away."""
        self._end(ContainerExit(cause=ExitCause.LOST, reason="The host was taken back"))

    def _end(self, container_exit: ContainerExit) -> None:
        if self.is_alive:
            self.exit.set_result(container_exit)


class Fault(StrEnum):
    REQUEST_IS_LOST = "request is lost"
    ANSWER_IS_LOST = "answer is lost"
    NO_CAPACITY = "no capacity"


class Fleet:
    """Implements `provisioners.contract.Provisioner`, for any number of loops at once.

    What must never be seen at any instant is recorded in `violations` when it happens.
    """

    def __init__(self, *, stop_grace: timedelta) -> None:
        """`stop_delay`: from a stop's answer until the container hears of it."""
        self.stop_delay = timedelta()
        self.containers: dict[ContainerName, SimulatedContainer] = {}
        self.violations: list[str] = []
        self.faults: deque[Fault] = deque()  # what befalls the next launches and stops
        self._stop_grace = stop_grace

    @property
    def alive(self) -> list[SimulatedContainer]:
        return [container for container in self.containers.values() if container.is_alive]

    async def prepare(self, function: Function) -> PreparedFunction:
        return PreparedFunction(type=ContainerType.TEST, identifier=function.ref.function_name)

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        """Nothing was made."""
        return None

    async def retire(self, prepared: PreparedFunction) -> None:
        """Nothing was made."""

    async def launch(self, request: ContainerRequest, *, age: timedelta) -> ContainerDetails:
        with _Trouble(self.faults) as fault:
            container = self.containers.get(request.name)
            if container is None and fault is Fault.NO_CAPACITY:
                raise NoCapacity
            if container is None:
                container = self.containers[request.name] = SimulatedContainer(request=request)
                self._inspect(request)
            elif container.request != request:
                self.violations.append(f"{request.name} was launched again with another request")
        return container.details

    async def withdraw(self, name: ContainerName, *, age: timedelta) -> ContainerDetails | None:
        container = self.containers.get(name)
        return None if container is None else container.details

    async def list_live_containers(self, page: str | None = None) -> LivePage:
        alive = (Container(name=container.request.name, details=container.details) for container in self.alive)
        return LivePage(containers=tuple(alive))

    async def wait_for_exit(self, container: Container) -> ContainerExit:
        return await asyncio.shield(self._at(container).exit)

    def check_soon(self, container: Container, *, has_outcome: bool = False) -> None:
        """Nothing: whoever waits is told at once."""

    def rely_on_events(self, *, are_heard: bool) -> None:
        """There are none."""

    async def stop(self, container: Container) -> None:
        with _Trouble(self.faults):
            simulated = self._at(container)
            if self.stop_delay:
                asyncio.get_running_loop().call_later(self.stop_delay.total_seconds(), self._signal, simulated)
            else:
                self._signal(simulated)

    def _signal(self, container: SimulatedContainer) -> None:
        if container.is_alive and not container.is_stopping:
            container.is_stopping = True
            grace = self._stop_grace.total_seconds()
            asyncio.get_running_loop().call_later(grace, container.end, 137, "Killed after the grace period")

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

    def _at(self, container: Container) -> SimulatedContainer:
        """By where it is, as platforms find theirs."""
        name = ContainerName.parse(container.details.identifier)
        assert name is not None
        return self.containers[name]

    def _inspect(self, request: ContainerRequest) -> None:
        if request.reuse is not None:  # idle ones hold no slot
            return
        of_function = [container for container in self.alive if container.request.function == request.function]
        limit = request.resource_spec.max_concurrency
        if len(of_function) > limit:
            self.violations.append(f"{len(of_function)} containers of {request.function.function_name}, limit {limit}")
        if sum(container.request.invocation_id == request.invocation_id for container in of_function) > 1:
            self.violations.append(f"a second container of {request.invocation_id} beside its first")


class _Trouble:
    """Raises the next fault: before the body, which then is not run, or after it."""

    def __init__(self, faults: deque[Fault]) -> None:
        self._fault = faults.popleft() if faults else None

    def __enter__(self) -> Fault | None:
        if self._fault is Fault.REQUEST_IS_LOST:
            raise Unavailable(self._fault)
        return self._fault

    def __exit__(self, *_: object) -> None:
        if self._fault is Fault.ANSWER_IS_LOST:
            raise Unavailable(self._fault)
