"""A registry of a test's own: Debian's `docker-registry`, on loopback, with one user."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiodocker import Docker

from control_plane_server.cli.stack.ports import free_ports

USERNAME = "somebody"
PASSWORD = "secret"
_PASSWORD_FILE = f"{USERNAME}:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"


class Registry:
    def __init__(self, host: str) -> None:
        self.host = host

    async def push(self, docker: Docker, image: str, name: str) -> str:
        """Push an image of the engine under a name of the registry's. Returns the whole name, with its tag."""
        repository = f"{self.host}/{name}"
        await docker.images.tag(image, repository, tag="1")
        await docker.images.push(repository, tag="1", auth=self._auth())
        return f"{repository}:1"

    def _auth(self) -> dict[str, str]:
        return {"username": USERNAME, "password": PASSWORD, "serveraddress": self.host}


@asynccontextmanager
async def running_registry(folder: Path) -> AsyncIterator[Registry]:
    (port,) = free_ports(1)
    host = f"127.0.0.1:{port}"
    (folder / "htpasswd").write_text(_PASSWORD_FILE)
    configuration = folder / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\nhttp: {{addr: '{host}'}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "docker-registry", "serve", str(configuration), stdout=log, stderr=log
        )
    try:
        while not await _listens(host):
            assert process.returncode is None, (folder / "log").read_text()
            await asyncio.sleep(0.02)
        yield Registry(host)
    finally:
        process.kill()
        await process.wait()


async def _listens(host: str) -> bool:
    address, _, port = host.partition(":")
    try:
        _, writer = await asyncio.open_connection(address, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
