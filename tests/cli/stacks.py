"""`control-plane dev` as a process, for tests: on ports and in a folder of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from control_plane.access.local_stacks import StackAccess

from control_plane_server.cli.stack.access import find_access
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.ports import free_ports
from environment.provisioner_names import ProvisionerName
from tests.prepared_catalogs import prepare_catalog

_SERVER_VARIABLES = ("POSTGRES_", "TEMPORAL_", "CONTROL_PLANE_", "AWS_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    api: int
    temporal: int
    temporal_ui: int

    @classmethod
    def free(cls) -> "Ports":
        api, temporal, temporal_ui = free_ports(3)
        return cls(api=api, temporal=temporal, temporal_ui=temporal_ui)


class Dev:
    """One run of `control-plane dev`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: DataFolder) -> None:
        self.process = process
        self.folder = folder
        self._said = b""

    async def ready(self) -> StackAccess:
        """Fails with what the command said, if it ends instead."""
        while (access := find_access(self.folder)) is None:
            if self.process.returncode is not None:
                raise AssertionError(await self.output())
            await asyncio.sleep(0.05)
        return access

    async def says(self, text: str) -> None:
        """Once it has said that."""
        assert self.process.stdout is not None
        while text.encode() not in self._said:
            line = await self.process.stdout.readline()
            assert line, self._said.decode()
            self._said += line

    async def output(self) -> str:
        """All that the command said, once it has ended."""
        stdout, _ = await self.process.communicate()
        return (self._said + stdout).decode()

    async def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


def clean_environment(**additions: str) -> dict[str, str]:
    """Ours without servers and keys that the developer may have named."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SERVER_VARIABLES)} | additions


@asynccontextmanager
async def dev(
    folder: Path,
    ports: Ports,
    *,
    provisioner: ProvisionerName = ProvisionerName.PROCESS,
    words: Sequence[str] = (),
    **environment: str,
) -> AsyncIterator[Dev]:
    """As `new_dev`, for what is not about a new folder: its database is made already, which is cheaper."""
    await prepare_catalog(folder / "postgres")
    async with new_dev(folder, ports, provisioner=provisioner, words=words, **environment) as it:
        yield it


@asynccontextmanager
async def new_dev(
    folder: Path,
    ports: Ports,
    *,
    provisioner: ProvisionerName = ProvisionerName.PROCESS,
    shell: str = ":",
    words: Sequence[str] = (),
    **environment: str,
) -> AsyncIterator[Dev]:
    """Start the command on a folder that may be new, and end it with the context if the test has not.

    `shell`: what the shell that starts it is told before. `words`: more for the command itself.
    """
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", f'{shell}; exec "$@"', "sh"),
        *(sys.executable, "-P", "-m", "control_plane.cli.main", "dev", f"--data-dir={folder}", f"--port={ports.api}"),
        f"--provisioner={provisioner}",
        *(f"--temporal-port={ports.temporal}", f"--temporal-ui-port={ports.temporal_ui}", *words),
        env=clean_environment(**{"XDG_STATE_HOME": str(folder.parent / ".local/state"), **environment}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield Dev(process, DataFolder(folder))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


def processes_of(folder: Path) -> list[str]:
    """Command lines of what runs on the folder: all servers either name it or are told of it."""
    found = []
    for process in psutil.process_iter():
        try:
            is_in_environment = process.environ().get("CONTROL_PLANE_DATA_DIR") == str(folder)
            if is_in_environment or any(str(folder) in argument for argument in process.cmdline()):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
