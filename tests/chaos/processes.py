"""Containers as processes: known to the machine by their folders and by what runs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from control_plane.machine.processes import Process

from control_plane_server.domain.errors import ExecutionHasAlreadyStarted
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.provisioners.process import supervisor
from control_plane_server.provisioners.process.all_containers import kill_all_containers
from control_plane_server.provisioners.process.container_folders import ContainerFolder, containers_root
from environment.provisioner_names import ProvisionerName
from tests.chaos.ledger import Ledger
from tests.chaos.plan import Fault, Target
from tests.chaos.platform import Traces
from tests.chaos.victims import first_child, is_warm, running_copy, strike, suits

_ALREADY_STARTED = ExecutionHasAlreadyStarted.default_message()
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class _LiveContainer:
    name: str
    supervisor: Process

    @property
    def execution_id(self) -> ExecutionId:
        """Of one that has a single one."""
        return ExecutionId(self.name.rpartition("-")[0])

    @property
    def is_warm(self) -> bool:
        return is_warm(self.name)

    def main_process(self) -> int | None:
        """The one that runs the user's code, or forks who does; None if it is not there yet, or no longer."""
        return first_child(self.supervisor.pid)

    def victim(self, target: Target) -> int | None:
        match target:
            case Target.SUPERVISOR:
                return self.supervisor.pid
            case Target.EXECUTION:
                main = self.main_process()
                return None if main is None else running_copy(main)
        return self.main_process()


class Processes:
    """Implements `Platform`. A name that was withdrawn is never taken: no container comes late."""

    provisioner = ProvisionerName.PROCESS
    environment: Mapping[str, str] = {}

    def __init__(self, data_dir: Path, functions: Path) -> None:
        self.image = functions.as_uri()
        self._data_dir = data_dir
        self._ended: set[Path] = set()

    async def live(self) -> dict[ExecutionId, None]:
        return {container.execution_id: None for container in self._live() if not container.is_warm}

    async def until_launch(self, loop: int) -> None:
        while not _starts_container(loop):
            await asyncio.sleep(_LOOK_SECONDS)

    async def strike(self, fault: Fault, ledger: Ledger) -> bool:
        live = sorted(self._live(), key=lambda container: int(container.supervisor.started))
        live = [one for one in live if suits(fault.target, one.name, one.main_process())]
        if not live:
            return False
        container = fault.chosen(live)
        pid = container.victim(fault.target)
        if pid is None or not strike(fault, pid):
            return False
        if fault.target is not Target.CONTAINER_PAUSED:
            ledger.killed_containers.add(container.name if container.is_warm else container.execution_id)
        return True

    async def calm(self, ledger: Ledger) -> None:
        """What is paused wakes up by itself."""

    async def traces(self, notes: Path) -> Traces:
        folders = [folder for folder in self._folders() if ContainerFolder(folder).supervisor() is not None]
        own = (folder for folder in folders if not is_warm(folder.name))
        return Traces(launches=Counter(map(_execution_of, own)), losses={})

    async def violations(self) -> list[str]:
        """A container may have been told that another one had started its execution before."""
        logs = ((folder, ContainerFolder(folder).log) for folder in self._folders())
        return [
            f"{_execution_of(folder)} had a second container at once, which was refused"
            for folder, log in logs
            if log.exists() and _ALREADY_STARTED in log.read_text()
        ]

    async def remains(self) -> list[str]:
        """Even if it is in nobody's records."""
        return [
            " ".join(process.cmdline()) for process in psutil.process_iter() if _belongs_to(process, self._data_dir)
        ]

    def _live(self) -> Iterator[_LiveContainer]:
        for path in self._folders():
            folder = ContainerFolder(path)
            process = None if path in self._ended else folder.supervisor()
            if process is None:
                continue
            if folder.has_ended():
                self._ended.add(path)
            else:
                yield _LiveContainer(name=path.name, supervisor=process)

    def _folders(self) -> list[Path]:
        root = containers_root(self._data_dir)
        return list(root.iterdir()) if root.is_dir() else []


@asynccontextmanager
async def processes(data_dir: Path, functions: Path) -> AsyncIterator[Processes]:
    """None is left afterwards."""
    try:
        yield Processes(data_dir, functions)
    finally:
        await kill_all_containers(data_dir)


def _starts_container(loop: int) -> bool:
    try:
        return any(_is_supervisor(child) for child in psutil.Process(loop).children())
    except psutil.NoSuchProcess:
        return False


def _is_supervisor(process: psutil.Process) -> bool:
    """Also one that has not taken its container's name yet."""
    return supervisor.__name__ in process.cmdline()


def _execution_of(folder: Path) -> ExecutionId:
    return ExecutionId(folder.name.rpartition("-")[0])


def _belongs_to(process: psutil.Process, data_dir: Path) -> bool:
    try:
        if _is_supervisor(process):
            return any(file.path.startswith(str(data_dir)) for file in process.open_files())
        return process.environ().get("PYTHONPATH", "").startswith(f"{data_dir}/runtime-")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
