"""The workers of a stack as the machine knows them: by their folders and processes, not by the catalog."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from domain.errors import ExecutionHasAlreadyStarted
from domain.identifiers import ExecutionId
from provisioners.process import supervisor
from provisioners.process.processes import Process
from provisioners.process.worker_folders import WorkerFolder, workers_root

_ALREADY_STARTED = ExecutionHasAlreadyStarted.default_message()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWorker:
    execution_id: ExecutionId
    supervisor: Process

    def main_process(self) -> int | None:
        """The one that runs the user's code; None if it is not there yet, or no longer."""
        try:
            children = psutil.Process(self.supervisor.pid).children()
        except psutil.NoSuchProcess:
            return None
        return children[0].pid if children else None


class Workers:
    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._ended: set[Path] = set()

    def live(self) -> list[LiveWorker]:
        """Those that have not ended, oldest first."""
        return sorted(self._live(), key=lambda worker: int(worker.supervisor.started))

    def launches(self) -> Counter[ExecutionId]:
        """How many workers each execution has had."""
        return Counter(
            _execution_of(folder) for folder in self._folders() if WorkerFolder(folder).supervisor() is not None
        )

    def second_ones(self) -> list[ExecutionId]:
        """Executions of which a worker was told that another one had started it before."""
        logs = ((folder, WorkerFolder(folder).log) for folder in self._folders())
        return [_execution_of(folder) for folder, log in logs if log.exists() and _ALREADY_STARTED in log.read_text()]

    def processes(self) -> list[str]:
        """Everything that runs for a worker of this stack, even if it is in nobody's records."""
        return [
            " ".join(process.cmdline()) for process in psutil.process_iter() if _belongs_to(process, self._data_dir)
        ]

    def _live(self) -> Iterator[LiveWorker]:
        for path in self._folders():
            folder = WorkerFolder(path)
            process = None if path in self._ended else folder.supervisor()
            if process is None:
                continue
            if folder.has_ended():
                self._ended.add(path)
            else:
                yield LiveWorker(execution_id=_execution_of(path), supervisor=process)

    def _folders(self) -> list[Path]:
        root = workers_root(self._data_dir)
        return list(root.iterdir()) if root.is_dir() else []


def is_supervisor(process: psutil.Process) -> bool:
    """Also one that has not taken its worker's name yet."""
    return supervisor.__name__ in process.cmdline()


def _execution_of(folder: Path) -> ExecutionId:
    return ExecutionId(folder.name.rpartition("-")[0])


def _belongs_to(process: psutil.Process, data_dir: Path) -> bool:
    try:
        if is_supervisor(process):
            return any(file.path.startswith(str(data_dir)) for file in process.open_files())
        return process.environ().get("PYTHONPATH", "").startswith(f"{data_dir}/runtime-")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
