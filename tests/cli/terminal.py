"""A terminal in which somebody uses the command line: a home of their own, and nothing of ours in the environment."""

import asyncio
import atexit
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli import command_copies
from tests.cli.stacks import clean_environment

CONTROL_PLANE = (sys.executable, "-P", "-m", "control_plane.cli.main")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that has ended."""

    exit_code: int | None
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    @property
    def documents(self) -> list[Any]:
        """Of each line of stdout, which must be JSON and nothing else."""
        return [json.loads(line) for line in self.lines]

    @property
    def document(self) -> Any:
        (document,) = self.documents
        return document

    @property
    def complaint(self) -> str:
        """The one line of a failure; nothing else was said."""
        assert self.stdout == ""
        assert self.stderr.count("\n") == 1, self.stderr
        return self.stderr.removeprefix("control-plane: ").rstrip("\n")


class Terminal:
    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self._environment = clean_environment(HOME=str(home), XDG_CONFIG_HOME="", XDG_STATE_HOME="", **environment)

    def with_environment(self, **environment: str) -> "Terminal":
        return Terminal(self.home, **environment)

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(*CONTROL_PLANE, *words),
            cwd=self.home,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *words: str, stdin: str = "") -> Ended:
        """In a copy of a process that has imported the command line already."""
        reader, writer = await asyncio.open_unix_connection(_command_copies())
        command = {"words": words, "environment": self._environment, "folder": str(self.home), "stdin": stdin}
        writer.write(json.dumps(command).encode() + b"\n")
        answer = json.loads(await reader.read())
        writer.close()
        return Ended(**answer)

    async def succeed(self, *words: str) -> Ended:
        run = await self.run(*words)
        assert run.exit_code == 0, run.stdout + run.stderr
        return run


@functools.cache
def _command_copies() -> str:
    """The socket of one for this process."""
    folder = tempfile.mkdtemp(prefix="cp-copies-")  # a socket's path must be short
    path = f"{folder}/socket"
    server = subprocess.Popen(
        (sys.executable, "-P", command_copies.__file__, path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(_end, server, folder)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return path


def _end(server: subprocess.Popen[bytes], folder: str) -> None:
    server.communicate()
    shutil.rmtree(folder)


async def ended(process: asyncio.subprocess.Process, *, stdin: str = "") -> Ended:
    stdout, stderr = await process.communicate(stdin.encode())
    return Ended(exit_code=process.returncode, stdout=stdout.decode(), stderr=stderr.decode())
