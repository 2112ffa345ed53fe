"""Servers that are killed on purpose, and started again after as long as it pleases whoever killed them."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Protocol

import psutil
from control_plane.machine.processes import process_of
from control_plane.machine.records import read_record

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.cli.stack.server import Server
from tests.chaos.ledger import Ledger

_REFUSED = 2  # the exit status of a process of ours that does not begin
_REFUSED_PAUSE_SECONDS = 1.0
_POSTGRES_LOOK_SECONDS = 0.1
_POSTGRES_RETRY_SECONDS = 0.5  # until the last session of the dead server has noticed, a new one does not start


class Victim(Protocol):
    """Runs until it is killed; `keep`, run beside it, starts it again. Whatever ends unasked is a violation."""

    def pid(self) -> int | None:
        """None while it is down."""

    def kill(self, *, downtime: float) -> bool:
        """SIGKILL. False if it is down already."""

    async def keep(self) -> None:
        """Never returns."""


class ServerVictim:
    """`environment`: what the server finds in its own when it is started again."""

    def __init__(self, server: Server, folder: DataFolder, ledger: Ledger, environment: dict[str, str]) -> None:
        self.log = server.log
        self.environment = environment
        self._server = server
        self._folder = folder
        self._ledger = ledger
        self._downtime: float | None = None

    def pid(self) -> int | None:
        process = read_record(self._folder.record(self._server.name))
        return process.pid if process is not None and process.is_alive() else None

    def kill(self, *, downtime: float) -> bool:
        return self._end(signal.SIGKILL, downtime)

    def terminate(self, *, downtime: float) -> bool:
        """SIGTERM, as whoever puts a new release in its place sends it."""
        return self._end(signal.SIGTERM, downtime)

    def _end(self, by: signal.Signals, downtime: float) -> bool:
        pid = self.pid()
        if pid is None:
            return False
        self._downtime = downtime
        os.kill(pid, by)
        return True

    async def keep(self) -> None:
        while True:
            exit_code = await self._server.ended()
            has_refused = exit_code == _REFUSED and self._ledger.has_another_temporal
            if self._downtime is None and not has_refused:
                self._ledger.violation(f"ended by itself: {self._server.failure(exit_code)}")
            await asyncio.sleep(_REFUSED_PAUSE_SECONDS if has_refused else self._downtime or 0.0)
            self._downtime = None
            await self._server.start()


class PostgresVictim:
    """No child of ours: it is looked at."""

    def __init__(self, server: EmbeddedPostgres, folder: Path, ledger: Ledger) -> None:
        self._server = server
        self._pid_file = folder / "postmaster.pid"
        self._ledger = ledger
        self._downtime: float | None = None
        self._orphans: list[psutil.Process] = []

    def pid(self) -> int | None:
        try:
            pid = int(self._pid_file.read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None
        return pid if process_of(pid) is not None else None

    def kill(self, *, downtime: float) -> bool:
        pid = self.pid()
        if pid is None:
            return False
        self._downtime = downtime
        self._orphans = psutil.Process(pid).children()
        os.kill(pid, signal.SIGKILL)
        return True

    async def gone(self) -> None:
        """Until the sessions of the killed server have noticed: one that is answering ends its answer first."""
        while psutil.wait_procs(self._orphans, timeout=0)[1]:
            await asyncio.sleep(_POSTGRES_LOOK_SECONDS)

    def kill_session(self, choice: float) -> bool:
        """One session's process: the server then ends all others, and recovers by itself. `choice`: from 0 to 1."""
        pid = self.pid()
        if pid is None:
            return False
        sessions = [child for child in psutil.Process(pid).children() if " control_plane " in " ".join(child.cmdline())]
        if not sessions:
            return False
        sessions[int(choice * len(sessions))].kill()
        return True

    async def keep(self) -> None:
        while True:
            await asyncio.sleep(_POSTGRES_LOOK_SECONDS)
            if self.pid() is not None:
                continue
            if self._downtime is None:
                self._ledger.violation("PostgreSQL ended by itself")
            await asyncio.sleep(self._downtime or 0.0)
            self._downtime = None
            await self._start()

    async def _start(self) -> None:
        while True:
            try:
                await self._server.start()
            except StackError:
                await asyncio.sleep(_POSTGRES_RETRY_SECONDS)
            else:
                return
