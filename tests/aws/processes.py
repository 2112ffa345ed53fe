"""Containers that are processes of this machine: a copy of the image's folder, and in it a session of its own."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from control_plane.machine.processes import kill_session

from tests.aws.containers import CannotStart, ContainerExit
from tests.aws.warden import Warden

_CHUNK = 64 * 1_024
_LINE_LIMIT = 256 * 1_024  # what follows is another line, as with the log driver of AWS
_NOT_COPIED = (".venv", ".git")
_OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`command` is None for what the image runs by itself: the functions of its main.py. `mounts`: by their paths, the
    folders of the task's volumes. A process sees no mounts, so it is told the folders instead. `has_init`: an init is
    process 1 of the container, and hands signals on; else the program is, and the kernel keeps from it the signals
    that it has no handler for."""

    folder: Path
    command: list[str] | None
    environment: dict[str, str]
    memory_mib: int
    has_init: bool
    mounts: Mapping[str, Path]

    def on_this_machine(self, text: str) -> str:
        """An argument or a variable, with the folder where it begins with the path of a mount."""
        for path, folder in self.mounts.items():
            if text == path or text.startswith(f"{path}/"):
                return f"{folder}{text.removeprefix(path)}"
        return text


class ProcessContainer:
    """`work` is the folder that the image is copied to, and gone with the container."""

    def __init__(
        self, program: Program, *, work: Path, runtime: Path, warden: Warden, on_line: Callable[[str], None]
    ) -> None:
        self.pid: int | None = None
        self.program = program
        self._work = work
        self._runtime = runtime
        self._warden = warden
        self._on_line = on_line
        self._was_out_of_memory = False
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[ContainerExit] | None = None

    async def start(self) -> None:
        await asyncio.to_thread(_copy, self.program.folder, self._work)
        for folder in self.program.mounts.values():
            folder.mkdir(parents=True, exist_ok=True)
        python = self.program.folder / ".venv" / "bin" / "python"
        executable = str(python) if python.exists() else sys.executable
        # What an image brings along by itself, and then what the task says.
        environment = {
            "PATH": os.pathsep.join([str(Path(executable).parent), os.environ.get("PATH", os.defpath)]),
            "HOME": str(self._work),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self._runtime),
            **{name: self.program.on_this_machine(value) for name, value in self.program.environment.items()},
        }
        command = self.program.command or [executable, "-m", "control_plane"]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *map(self.program.on_this_machine, command),
                cwd=self._work,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            shutil.rmtree(self._work, ignore_errors=True)
            raise CannotStart(f"CannotStartContainerError: failed to create the container process: {error}") from error
        self.pid = self._process.pid
        self._warden.watch(self.pid)
        self._life = asyncio.create_task(self._live(self._process))

    async def exited(self) -> ContainerExit:
        assert self._life is not None
        return await asyncio.shield(self._life)

    def terminate(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        if self.program.has_init or _handles_sigterm(process.pid):
            with suppress(ProcessLookupError):
                process.terminate()

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await asyncio.to_thread(kill_session, self._process.pid)

    async def kill_for_memory(self) -> None:
        self._was_out_of_memory = True
        await self.kill()

    async def _live(self, process: asyncio.subprocess.Process) -> ContainerExit:
        output = asyncio.create_task(self._read(process))
        code = await process.wait()
        await asyncio.to_thread(kill_session, process.pid)
        await output
        self._warden.forget(process.pid)
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)
        return ContainerExit(
            code if code >= 0 else 128 - code,
            _OUT_OF_MEMORY if self._was_out_of_memory and code == -signal.SIGKILL else None,
        )

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LINE_LIMIT:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._on_line(line.decode(errors="replace"))
        if rest:
            self._on_line(rest.decode(errors="replace"))


def _handles_sigterm(pid: int) -> bool:
    """True where the kernel does not tell, as on macOS."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        return True
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def sessions_memory(session_ids: set[int]) -> dict[int, int]:
    """Bytes of resident memory per session, in one look at all processes."""
    memory = dict.fromkeys(session_ids, 0)
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            session = os.getsid(pid)
            if session in memory:
                memory[session] += psutil.Process(pid).memory_info().rss
    return memory


def _copy(folder: Path, work: Path) -> None:
    shutil.copytree(folder, work, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_COPIED))
