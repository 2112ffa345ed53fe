"""PostgreSQL and Temporal that stay, and an `api` and a `loop` of whichever release is to run on them."""

import asyncio
import os
import signal
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from control_plane.access.local_stacks import StackAccess
from control_plane.machine.records import read_record

from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.ports import LOOPBACK, free_ports
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.cli.stack.readiness import wait_until_api_answers, wait_until_ready
from control_plane_server.cli.stack.server import Server
from control_plane_server.cli.stack.servers import process_environment, temporal_server
from control_plane_server.cli.stack.temporal import wait_until_loop_polls, wait_until_temporal_answers
from control_plane_server.provisioners.process.all_containers import kill_all_containers
from environment.settings import PostgresSettings

_MIGRATE = """
import asyncio
from control_plane_server.catalog.migrations.migrate import upgrade_to_head
from control_plane_server.processes.connections import open_database
from environment.loading import load_postgres

async def migrate():
    database = open_database(load_postgres())
    await upgrade_to_head(database)
    await database.close()

asyncio.run(migrate())
"""


class Servers:
    def __init__(
        self, folder: DataFolder, options: StackOptions, access: StackAccess, postgres: PostgresSettings
    ) -> None:
        self.access = access
        self._folder = folder
        self._options = options
        self.postgres = postgres
        self._running: list[Server] = []

    async def run(self, tree: Path) -> None:
        """The release in this folder, once it works. Its migrations first, as an operator makes them."""
        environment = {
            **process_environment(
                folder=self._folder, api_keys=self.access.api_key, postgres=self.postgres, access=self.access
            ),
            "PYTHONPATH": str(tree),
        }
        await self._migrate(environment)
        loop = self._server("loop", tree, environment)
        api = self._server("api", tree, environment, f"--host={LOOPBACK}", f"--port={self._options.port}")
        self._running = [loop, api]
        for server in self._running:
            await server.start()
        await wait_until_ready(loop, wait_until_loop_polls(self.access))
        await wait_until_ready(api, wait_until_api_answers(self.access.api_url))

    def _server(self, name: str, tree: Path, environment: dict[str, str], *arguments: str) -> Server:
        """Called as that release calls it: the module stands in its own pyproject.toml."""
        scripts = tomllib.loads((tree / "pyproject.toml").read_text())["project"]["scripts"]
        module = scripts[name].partition(":")[0]
        return Server(
            name=name,
            command=(sys.executable, "-P", "-m", module, f"--provisioner={self._options.provisioner}", *arguments),
            environment=environment,
            grace=timedelta(seconds=20),
            folder=self._folder,
        )

    def kill(self) -> None:
        """SIGKILL, all of the release at once; containers go on."""
        for server in self._running:
            process = read_record(self._folder.record(server.name))
            if process is not None:
                os.kill(process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        for server in reversed(self._running):
            await server.stop(asyncio.Event())

    async def _migrate(self, environment: dict[str, str]) -> None:
        """By that release's own code, which the command passes over in favour of what is installed."""
        process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-c", _MIGRATE, env=environment)
        if await process.wait() != 0:
            raise RuntimeError("the release could not migrate")


@asynccontextmanager
async def servers(path: Path) -> AsyncIterator[Servers]:
    folder = DataFolder(path)
    folder.make()
    port, temporal_port, temporal_ui_port = free_ports(3)
    options = StackOptions(data_dir=path, port=port, temporal_port=temporal_port, temporal_ui_port=temporal_ui_port)
    access = StackAccess(
        pid=os.getpid(),
        api_url=f"http://{LOOPBACK}:{port}",
        api_key=folder.api_key(),
        temporal_address=f"{LOOPBACK}:{temporal_port}",
        temporal_namespace="default",
        web_ui_url=f"http://{LOOPBACK}:{temporal_ui_port}",
        provisioner=options.provisioner,
    )
    postgres = EmbeddedPostgres(folder.postgres)
    temporal = temporal_server(options, folder, namespace=access.temporal_namespace)
    stack = Servers(folder, options, access, await postgres.start())
    try:
        await temporal.start()
        await wait_until_ready(temporal, wait_until_temporal_answers(access))
        yield stack
    finally:
        await stack.stop()
        await kill_all_containers(path)
        await temporal.stop(asyncio.Event())
        await postgres.stop()
