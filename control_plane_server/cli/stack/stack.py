"""The embedded stack as a whole: everything that production has, on one machine and in one folder."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial

from control_plane.access.local_stacks import StackAccess, note_stack

from control_plane_server.cli.stack.access import note_access
from control_plane_server.cli.stack.external import ensure_temporal_answers, external_postgres
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.idleness import wait_until_idle
from control_plane_server.cli.stack.inheritance import hide_postgres_variables, prepare_this_process
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.ports import LOOPBACK, ensure_free
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.cli.stack.readiness import wait_until_api_answers, wait_until_ready
from control_plane_server.cli.stack.server import Server
from control_plane_server.cli.stack.servers import (
    SECRETS_KEYS,
    api_server,
    loop_server,
    process_environment,
    temporal_server,
)
from control_plane_server.cli.stack.stale_servers import stop_stale_servers
from control_plane_server.cli.stack.supervision import Report, keep_postgres_running, keep_server_running, supervise
from control_plane_server.cli.stack.temporal import (
    adopt_new_temporal,
    wait_until_loop_polls,
    wait_until_temporal_answers,
)
from control_plane_server.processes.connections import migrate
from control_plane_server.provisioners.process.all_containers import interrupt_all_containers
from environment.development import DevelopmentSettings
from environment.settings import PostgresSettings


class EmbeddedStack:
    """PostgreSQL, Temporal, `loop` and `api`: started in this order, stopped in the reverse one, kept running between.

    `report` gets a line whenever something worth telling happens.
    """

    def __init__(self, options: StackOptions, report: Callable[[str], None]) -> None:
        self._options = options
        self._report = report
        self._found = DevelopmentSettings()
        self._folder = DataFolder(options.data_dir)
        self._postgres: EmbeddedPostgres | None = None
        self._catalog: PostgresSettings | None = None
        self._temporal: Server | None = None
        self._processes: list[Server] = []
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> StackAccess:
        """Return once all servers answer, or raise StackError with none of them left running.

        Containers that an earlier stack on this folder left running go on, and the new `loop` adopts them.
        """
        prepare_this_process()
        self._folder.acquire()
        try:
            return await self._start()
        except BaseException:
            await self._stop_servers(asyncio.Event(), with_containers=False)
            raise

    async def stop(self, hurry: asyncio.Event) -> None:
        """Stop the servers and the containers still running, which are launched again when a stack is started on the
        folder. Setting `hurry` cuts every grace period short."""
        await self._stop_servers(hurry, with_containers=True)

    async def wait_until_idle(self, enough: asyncio.Event) -> None:
        """Return once no execution runs, or it is `enough`."""
        if self._catalog is not None:
            await wait_until_idle(self._catalog, enough)

    async def _start(self) -> StackAccess:
        for name in await stop_stale_servers(self._folder, ("api", "loop", "temporal")):
            self._report(f"stopped the {name} server that an earlier stack left running")
        self._check_ports()
        api_keys = self._api_keys()
        access = self._access(api_keys)
        postgres = await self._start_postgres()
        is_new_temporal = not self._folder.temporal_database.exists()
        await self._start_temporal(access)
        await migrate(postgres)
        self._catalog = postgres
        if self._temporal is not None and is_new_temporal:
            # Whether the folder is new or its Temporal was deleted: there is no other that the catalog could mean.
            await adopt_new_temporal(access, postgres)
        environment = process_environment(folder=self._folder, api_keys=api_keys, postgres=postgres, access=access)
        environment |= {SECRETS_KEYS: self._secrets_keys()}
        loop = loop_server(self._options, self._folder, environment)
        api = api_server(self._options, self._folder, environment)
        for server in (loop, api):
            self._processes.append(server)
            await server.start()
        await wait_until_ready(loop, wait_until_loop_polls(access))
        await wait_until_ready(api, wait_until_api_answers(access.api_url))
        note_access(self._folder, access)
        note_stack(self._folder.path)
        self._keep_running()
        return access

    def _check_ports(self) -> None:
        ports = {"--port": self._options.port}
        if self._found.temporal_address is None:
            ports["--temporal-port"] = self._options.temporal_port
            ports["--temporal-ui-port"] = self._options.temporal_ui_port
        ensure_free(ports)

    def _api_keys(self) -> str:
        given = self._found.control_plane_api_key
        return given.get_secret_value() if given is not None else self._folder.api_key()

    def _secrets_keys(self) -> str:
        given = self._found.control_plane_secrets_keys
        return given.get_secret_value() if given is not None else self._folder.secrets_key()

    def _access(self, api_keys: str) -> StackAccess:
        embedded = self._found.temporal_address is None
        return StackAccess(
            pid=os.getpid(),
            api_url=f"http://{LOOPBACK}:{self._options.port}",
            api_key=api_keys.partition(",")[0].strip(),
            temporal_address=self._found.temporal_address or f"{LOOPBACK}:{self._options.temporal_port}",
            temporal_namespace=self._found.temporal_namespace,
            web_ui_url=f"http://{LOOPBACK}:{self._options.temporal_ui_port}" if embedded else None,
            provisioner=self._options.provisioner,
        )

    async def _start_postgres(self) -> PostgresSettings:
        if self._found.postgres_host is not None:
            return await external_postgres()
        hide_postgres_variables()
        self._postgres = EmbeddedPostgres(self._folder.postgres)
        return await self._postgres.start()

    async def _start_temporal(self, access: StackAccess) -> None:
        if self._found.temporal_address is not None:
            await ensure_temporal_answers(access.temporal_address)
            return
        self._temporal = temporal_server(self._options, self._folder, namespace=access.temporal_namespace)
        await self._temporal.start()
        await wait_until_ready(self._temporal, wait_until_temporal_answers(access))

    def _keep_running(self) -> None:
        servers = [*self._processes, self._temporal] if self._temporal else self._processes
        keeps: dict[str, Callable[[Report], Awaitable[None]]] = {
            server.name: partial(keep_server_running, server) for server in servers
        }
        if self._postgres is not None:
            keeps["PostgreSQL"] = partial(keep_postgres_running, self._postgres)
        self._keepers = [asyncio.create_task(supervise(name, keep, self._report)) for name, keep in keeps.items()]

    async def _stop_servers(self, hurry: asyncio.Event, *, with_containers: bool) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._folder.access.unlink(missing_ok=True)
        await asyncio.gather(*(server.stop(hurry) for server in self._processes))
        if with_containers and (interrupted := await interrupt_all_containers(self._folder.path)):
            self._report(f"interrupted what ran: {interrupted} to be launched again at the next start, as no attempt")
        if self._temporal is not None:
            await self._temporal.stop(hurry)
        if self._postgres is not None:
            await self._postgres.stop()
        self._folder.release()
