"""Somebody who follows a page: an empty home, an empty folder, a terminal, and others for what goes on running."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from control_plane.access.local_stacks import StackAccess

from control_plane_server.cli.stack.access import find_access
from control_plane_server.cli.stack.folder import DataFolder
from tests.cli.stacks import Ports, clean_environment, dev
from tests.docs.pages import NEEDS_AWS, OWN_TERMINAL, Block, matches
from tests.prepared_catalogs import prepare_catalog

_MARK = "\x1e"
# Pages name the usual ports, which may be busy here.
_DEV_ON_OTHER_PORTS = """\
#!/bin/sh
if [ "$1" = dev ]; then
    set -- "$@" --port={ports.api} --temporal-port={ports.temporal} --temporal-ui-port={ports.temporal_ui}
fi
exec {python} -P -m control_plane.cli.main "$@"
"""


class Reader:
    """Runs the blocks of one page in one shell. The folder is the reader's home; they work in an empty one in it."""

    def __init__(self, folder: Path, standing: "Standing | None" = None) -> None:
        """`standing`: a stack that the page's `control-plane dev` is taken to have started; the folder is its home."""
        self.home = folder
        self.ports = standing.ports if standing is not None else Ports.free()
        self._standing = standing
        self._work = folder / "work"
        self._work.mkdir()
        self._programs = folder / "bin"
        self._programs.mkdir()
        command = self._programs / "control-plane"
        command.write_text(_DEV_ON_OTHER_PORTS.format(python=sys.executable, ports=self.ports))
        command.chmod(0o755)
        self._terminals: list[asyncio.subprocess.Process] = []

    async def follow(self, blocks: list[Block]) -> None:
        """Fails with what was printed by the block that fails."""
        script = "set -euo pipefail\n"
        in_script = []
        for block in blocks:
            if block.is_marked(NEEDS_AWS) or block.make_targets:
                continue
            if block.is_marked(OWN_TERMINAL) and "control-plane dev" in block.source:
                if self._standing is None:
                    await self._open_terminal(block)
                continue
            if block.is_marked(OWN_TERMINAL):  # a program that a block before it has written
                script += f"(\n{self._on_our_ports(block.source)}) > {self.home}/terminal-{block.line}.log 2>&1 &\n"
                continue
            in_script.append(block)
            script += f"printf '{_MARK}'\n{self._on_our_ports(block.source)}"
        process = await self._start("bash", "-c", script)
        self._terminals.append(process)
        printed = (await process.communicate())[0].decode()
        # Before the first mark is what bash itself has to say.
        outputs = printed.split(_MARK)[1:]
        if process.returncode != 0:
            failed = in_script[len(outputs) - 1]
            raise AssertionError(f"{failed.page.name}:{failed.line} fails:\n{failed.source}\n{outputs[-1]}")
        for block, output in zip(in_script, outputs, strict=True):
            if block.output is not None:
                shown = self._on_our_ports(block.output)
                assert matches(shown, output), f"{block.page.name}:{block.line} prints otherwise:\n{output}"

    async def close(self) -> None:
        for process in reversed(self._terminals):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            await process.communicate()

    async def _open_terminal(self, block: Block) -> None:
        """What runs there is a stack, which the next block may use."""
        if block.page.name != "README.md":  # which begins with nothing
            await prepare_catalog(self.home / ".control-plane/postgres")
        process = await self._start("bash", "-euc", self._on_our_ports(block.source))
        self._terminals.append(process)
        while find_access(DataFolder(self.home / ".control-plane")) is None:
            if process.returncode is not None:
                raise AssertionError(f"{block.page.name}:{block.line}: {(await process.communicate())[0].decode()}")
            await asyncio.sleep(0.05)

    async def _start(self, *command: str) -> asyncio.subprocess.Process:
        installed = sysconfig.get_path("scripts")
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self._work,
            env=clean_environment(HOME=str(self.home), PATH=f"{self._programs}:{installed}:{os.environ['PATH']}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    def _on_our_ports(self, text: str) -> str:
        for usual, ours in ((5000, self.ports.api), (7233, self.ports.temporal), (8233, self.ports.temporal_ui)):
            text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{ours}")
        return text


class Standing:
    """A stack for several pages, one after the other, each of which finds it empty and a home with nothing else in."""

    def __init__(self, home: Path, ports: Ports, access: StackAccess) -> None:
        self.ports = ports
        self._home = home
        self._access = access

    async def clear(self) -> None:
        for path in self._home.iterdir():
            if path.name not in (".control-plane", ".local"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        headers = {"Authorization": f"Bearer {self._access.api_key}"}
        async with httpx2.AsyncClient(base_url=self._access.api_url, headers=headers, trust_env=False) as http:
            while projects := (await http.get("/projects")).json()["projects"]:
                for project in projects:
                    await http.delete(f"/projects/{project['project_name']}")
                await asyncio.sleep(0.1)


@asynccontextmanager
async def standing_stack(home: Path) -> AsyncIterator[Standing]:
    ports = Ports.free()
    async with dev(home / ".control-plane", ports) as stack:
        yield Standing(home, ports, await stack.ready())
