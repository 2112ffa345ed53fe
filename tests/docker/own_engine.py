"""A Docker engine of a test's own, that can be killed and started again: `dockerd` on a socket and a bridge of its own.

Its containerd goes on, as it does where the two are services of the system. Needs root.
"""

import asyncio
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiodocker import Docker


class OwnEngine:
    def __init__(self, folder: Path, bridge: str, containerd: Path) -> None:
        self.url = f"unix://{folder / 'docker.sock'}"
        self._folder = folder
        self._command = (
            *("dockerd", f"--host={self.url}", f"--containerd={containerd}", f"--bridge={bridge}"),
            *("--iptables=false", "--ip-masq=false", f"--pidfile={folder / 'pid'}"),
            *(f"--data-root={folder / 'data'}", f"--exec-root={folder / 'exec'}"),
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> None:
        """Return when it answers."""
        self._process = await _start(*self._command, *options, log=self._folder / "log")
        while not await self._answers():
            assert self._process.returncode is None, (self._folder / "log").read_text()[-2_000:]
            await asyncio.sleep(0.05)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def shut_down(self) -> None:
        await self._end(signal.SIGTERM)

    async def take_image(self, name: str) -> None:
        """From the machine's own engine."""
        copying = await asyncio.create_subprocess_shell(
            f"docker save {name} | docker --host={self.url} load", stdout=asyncio.subprocess.DEVNULL
        )
        assert await copying.wait() == 0

    async def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            await self._process.wait()

    async def _answers(self) -> bool:
        if not (self._folder / "docker.sock").exists():
            return False
        async with Docker(url=self.url) as docker:
            try:
                await docker.version()
            except Exception:  # whatever it says, it is not up yet
                return False
        return True


@asynccontextmanager
async def own_engine() -> AsyncIterator[OwnEngine]:
    with tempfile.TemporaryDirectory(prefix="cp-engine-") as folder:
        async with _engine_in(Path(folder)) as engine:
            yield engine


@asynccontextmanager
async def _engine_in(folder: Path) -> AsyncIterator[OwnEngine]:
    bridge = f"cp{uuid.uuid4().hex[:8]}"
    socket = folder / "containerd.sock"
    await _run("ip", "link", "add", bridge, "type", "bridge")
    await _run("ip", "addr", "add", "172.31.251.1/28", "dev", bridge)
    containerd = await _start(
        *("containerd", f"--address={socket}", f"--root={folder / 'images'}", f"--state={folder / 'state'}"),
        log=folder / "containerd.log",
    )
    engine = OwnEngine(folder, bridge, socket)
    try:
        yield engine
    finally:
        await engine.shut_down()
        containerd.terminate()
        await containerd.wait()
        await _run("ip", "link", "delete", bridge)
        for mount in _mounts_in(folder):
            await _run("umount", mount)


def _mounts_in(folder: Path) -> list[str]:
    """What an engine leaves, in the order in which it can be taken away."""
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if point.startswith(str(folder))]


async def _start(*command: str, log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as file:
        return await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file)


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0
