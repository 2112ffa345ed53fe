"""The control plane as docker-compose.yml brings it up, in a project of the test's own."""

import asyncio
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from control_plane_server.cli.stack.ports import free_ports

ROOT = Path(__file__).parents[2]
API_KEY = "the-key-of-the-test"
STOP_GRACE_SECONDS = 10


class Composition:
    def __init__(self, folder: Path, *, shared: Path) -> None:
        """`shared`: a folder that containers see as /shared."""
        self.project = f"cp{uuid.uuid4().hex[:8]}"
        port, ui_port = free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        self._settings = folder / ".env"
        self._settings.write_text(
            f"COMPOSE_PROJECT_NAME={self.project}\nCONTROL_PLANE_API_KEY={API_KEY}\nPOSTGRES_PASSWORD=a-password\n"
            f"DOCKER_GID={os.stat('/var/run/docker.sock').st_gid}\nCONTROL_PLANE_PORT={port}\n"
            f"TEMPORAL_UI_PORT={ui_port}\nDOCKER_MOUNTS={shared}:/shared\n"
            f"CONTROL_PLANE_STOP_GRACE_SECONDS={STOP_GRACE_SECONDS}\n"
        )

    async def run(self, *arguments: str) -> str:
        command = ("docker-compose",) if shutil.which("docker-compose") else ("docker", "compose")
        return await run(*command, "--env-file", str(self._settings), *arguments, cwd=ROOT)

    async def containers(self, service: str) -> list[str]:
        return (await self.run("ps", "-q", service)).split()

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """With curl, as anybody would."""
        content = () if body is None else ("--data", json.dumps(body))
        return json.loads(
            await run(
                *("curl", "--silent", "--show-error", "--fail-with-body", "--request", method, self.url + path),
                *("--noproxy", "*", "--header", f"Authorization: Bearer {API_KEY}"),
                *("--header", "Content-Type: application/json", *content),
            )
        )


@asynccontextmanager
async def composition(shared: Path) -> AsyncIterator[Composition]:
    """Up, until the context ends."""
    with tempfile.TemporaryDirectory() as folder:
        it = Composition(Path(folder), shared=shared)
        try:
            await it.run("up", "--detach")
            yield it
        finally:
            containers = await run("docker", "ps", "-aq", "--filter", f"label=control-plane.installation={it.project}")
            if containers:
                await run("docker", "rm", "--force", *containers.split())
            await it.run("down", "--volumes")


async def run(*command: str, cwd: Path | None = None) -> str:
    program = shutil.which(command[0])
    assert program is not None, f"{command[0]} is not installed"
    process = await asyncio.create_subprocess_exec(
        program, *command[1:], cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, f"{command}\n{stdout.decode()}{stderr.decode()}"
    return stdout.decode()
