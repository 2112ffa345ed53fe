"""One server of the stack: a child process with a log of its own."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.folder import DataFolder

_LOG_LIMIT = 10 * 1024 * 1024


class Server:
    """Starts, watches and stops one program. It runs in a session of its own, so that Ctrl-C reaches only the stack,
    which stops its servers in order."""

    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        grace: timedelta,
        folder: DataFolder,
        umask: int = -1,
    ) -> None:
        """`umask`: of what it writes; -1 for ours."""
        self.name = name
        self.log = folder.log(name)
        self._command = command
        self._environment = environment
        self._grace = grace
        self._folder = folder
        self._umask = umask
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        _rotate(self._folder, self.name)
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "control_plane_server.cli.stack.launcher"),
                *(str(self._folder.record(self.name)), str(os.getpid())),
                *self._command,
                env=self._environment,
                cwd=self._folder.path,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=self._umask,
            )

    async def ended(self) -> int:
        """Wait until the process is gone; its exit code, negative for a signal."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return await self._process.wait()

    def failure(self, exit_code: int) -> StackError:
        """Why the server is gone, as far as its log tells."""
        said = self._last_line() or "nothing"
        return StackError(f"the {self.name} server ended with exit code {exit_code}, saying: {said}; log: {self.log}")

    async def stop(self, hurry: asyncio.Event) -> None:
        """SIGTERM, and SIGKILL after the server's grace period or as soon as there is a hurry."""
        process = self._process
        if process is None:
            return
        ended = asyncio.ensure_future(process.wait())
        hurried = asyncio.ensure_future(hurry.wait())
        with suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait({ended, hurried}, timeout=self._grace.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        with suppress(ProcessLookupError):
            process.kill()
        await ended
        self._folder.record(self.name).unlink(missing_ok=True)
        self._process = None

    def _last_line(self) -> str:
        with self.log.open(errors="replace") as log:
            return next(iter(deque((line.strip() for line in log if line.strip()), maxlen=1)), "")


def _rotate(folder: DataFolder, name: str) -> None:
    """Keep one older log at most: nobody else looks after the size of these."""
    log = folder.log(name)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(folder.log(f"{name}.1"))
