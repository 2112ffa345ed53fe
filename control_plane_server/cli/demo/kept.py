"""A stack that outlives the demo: `control-plane dev` in the background, with its own supervision."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress

from control_plane.access.local_stacks import StackAccess

from control_plane_server.cli.stack.access import find_access
from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions

_LOOK_EVERY = 0.1


class KeptStack:
    """Started as a process in a session of its own, so that it stays when the demo ends."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._folder = DataFolder(options.data_dir)
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> StackAccess:
        """Return once the stack is ready. Raises StackError with the line that it ended with."""
        self._process = await asyncio.to_thread(self._spawn)
        try:
            return await self._ready(self._process)
        except asyncio.CancelledError:
            await self.stop(asyncio.Event())
            raise

    def _spawn(self) -> "subprocess.Popen[bytes]":
        """No child of asyncio's: its children die with its event loop."""
        options = self._options
        self._folder.make()
        with self._folder.log("dev").open("wb") as output:
            return subprocess.Popen(
                (
                    *(sys.executable, "-P", "-m", "control_plane.cli.main", "dev", f"--data-dir={self._folder.path}"),
                    f"--port={options.port}",
                    f"--temporal-port={options.temporal_port}",
                    f"--temporal-ui-port={options.temporal_ui_port}",
                    f"--provisioner={options.provisioner}",
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def _ready(self, process: "subprocess.Popen[bytes]") -> StackAccess:
        while (access := find_access(self._folder)) is None:
            if process.poll() is not None:
                last_line = self._folder.log("dev").read_text(errors="replace").strip().rpartition("\n")[2]
                raise StackError(last_line.removeprefix("control-plane: "))
            await asyncio.sleep(_LOOK_EVERY)
        return access

    async def stop(self, hurry: asyncio.Event) -> None:
        """As Ctrl-C does; a hurry is passed on."""
        if self._process is None:
            return
        self._signal()
        while self._process.poll() is None:
            if hurry.is_set():
                hurry.clear()
                self._signal()
            await asyncio.sleep(_LOOK_EVERY)

    def _signal(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
