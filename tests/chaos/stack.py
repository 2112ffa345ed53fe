"""The embedded stack with two of each stateless process, none of which anybody but the suite looks after, and proxies
between them and the servers."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from control_plane.access.local_stacks import StackAccess
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.migrations.migrate import upgrade_to_head
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.ports import LOOPBACK, free_ports
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.cli.stack.readiness import wait_until_api_answers, wait_until_ready
from control_plane_server.cli.stack.server import Server
from control_plane_server.cli.stack.servers import api_server, loop_server, process_environment, temporal_server
from control_plane_server.cli.stack.temporal import wait_until_loop_polls, wait_until_temporal_answers
from control_plane_server.orchestration.payloads import data_converter
from control_plane_server.processes.connections import open_database
from environment.settings import PostgresSettings
from tests.chaos.ledger import Ledger
from tests.chaos.platform import Platform
from tests.chaos.servers import PostgresVictim, ServerVictim, Victim
from tests.prepared_catalogs import prepare_catalog
from tests.proxy import Proxy, proxy_of_port, proxy_of_postgres

_NAMESPACE = "default"
_STOP_GRACE_SECONDS = 5
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosStack:
    folder: Path
    accesses: tuple[StackAccess, StackAccess]
    apis: tuple[ServerVictim, ServerVictim]
    loops: tuple[ServerVictim, ServerVictim]
    temporal: ServerVictim
    postgres: PostgresVictim
    proxies: "Proxies"
    platform: Platform
    database: Database
    client: Client

    @property
    def api_urls(self) -> tuple[str, ...]:
        return tuple(access.api_url for access in self.accesses)

    @property
    def api_key(self) -> str:
        return self.accesses[0].api_key

    @property
    def victims(self) -> Sequence[Victim]:
        return (*self.apis, *self.loops, self.temporal, self.postgres)

    async def all_up(self) -> None:
        """Until every server runs and answers. Callers set the limit."""
        while any(victim.pid() is None for victim in self.victims):
            await asyncio.sleep(_LOOK_SECONDS)
        for url in self.api_urls:
            await wait_until_api_answers(url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Through which the processes, but not the suite, reach the servers."""

    postgres: Proxy
    temporal: Proxy

    @property
    def are_silent(self) -> bool:
        return self.postgres.is_silent or self.temporal.is_silent


@asynccontextmanager
async def chaos_stack(
    path: Path,
    platform: Platform,
    ledger: Ledger,
    *,
    api_keys: str | None = None,
    loop_environments: Sequence[Mapping[str, str]] = ({}, {}),
) -> AsyncIterator[ChaosStack]:
    """Started one after the other, kept running, and at the end stopped.

    `api_keys`: as CONTROL_PLANE_API_KEY has them, drawn if None. `loop_environments`: what each `loop` finds in its
    environment besides.
    """
    folder = DataFolder(path)
    folder.make()
    await prepare_catalog(folder.postgres)
    postgres = EmbeddedPostgres(folder.postgres)
    servers: list[Server] = []
    proxied = AsyncExitStack()
    try:
        settings = await postgres.start()
        database = await _migrated(settings)
        accesses, options = _accesses(folder, platform, api_keys or folder.api_key())
        temporal = temporal_server(options[0], folder, namespace=_NAMESPACE)
        await _start(temporal, servers)
        await wait_until_ready(temporal, wait_until_temporal_answers(accesses[0]))
        proxies, settings = await proxied.enter_async_context(_proxies(settings, options[0]))
        loops: list[tuple[Server, dict[str, str]]] = []
        apis: list[tuple[Server, dict[str, str]]] = []
        for number, (access, option) in enumerate(zip(accesses, options, strict=True), start=1):
            proxied_access = replace(access, temporal_address=f"{LOOPBACK}:{proxies.temporal.port}")
            environment = {
                **process_environment(folder=folder, api_keys=access.api_key, postgres=settings, access=proxied_access),
                "CONTROL_PLANE_STOP_GRACE_SECONDS": str(_STOP_GRACE_SECONDS),
                **platform.environment,
            }
            loop_environment = environment | dict(loop_environments[number - 1])
            loop = loop_server(option, folder, loop_environment, name=f"loop-{number}")
            loops.append((loop, loop_environment))
            apis.append((api_server(option, folder, environment, name=f"api-{number}"), environment))
        for server, _ in (*loops, *apis):
            await _start(server, servers)
        await wait_until_ready(loops[0][0], wait_until_loop_polls(accesses[0]))
        for (api, _), access in zip(apis, accesses, strict=True):
            await wait_until_ready(api, wait_until_api_answers(access.api_url))
        first_loop, second_loop, first_api, second_api = (
            ServerVictim(server, folder, ledger, environment) for server, environment in (*loops, *apis)
        )
        stack = ChaosStack(
            folder=path,
            accesses=(accesses[0], accesses[1]),
            apis=(first_api, second_api),
            loops=(first_loop, second_loop),
            temporal=ServerVictim(temporal, folder, ledger, {}),
            postgres=PostgresVictim(postgres, folder.postgres, ledger),
            proxies=proxies,
            platform=platform,
            database=database,
            client=await Client.connect(accesses[0].temporal_address, data_converter=data_converter),
        )
        async with _kept_running(stack):
            yield stack
        await database.close()
    finally:
        for server in reversed(servers):
            await server.stop(asyncio.Event())
        await proxied.aclose()
        await postgres.stop()


@asynccontextmanager
async def _proxies(
    settings: PostgresSettings, options: StackOptions
) -> AsyncIterator[tuple[Proxies, PostgresSettings]]:
    async with (
        proxy_of_postgres(settings) as (of_postgres, proxied),
        proxy_of_port(options.temporal_port) as of_temporal,
    ):
        yield Proxies(postgres=of_postgres, temporal=of_temporal), proxied


@asynccontextmanager
async def _kept_running(stack: ChaosStack) -> AsyncIterator[None]:
    keepers = [asyncio.create_task(victim.keep()) for victim in stack.victims]
    try:
        yield
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)


async def _start(server: Server, started: list[Server]) -> None:
    started.append(server)
    await server.start()


async def _migrated(settings: PostgresSettings) -> Database:
    database = open_database(settings)
    await upgrade_to_head(database)
    return database


def _accesses(folder: DataFolder, platform: Platform, api_key: str) -> tuple[list[StackAccess], list[StackOptions]]:
    """Of the two halves of the stack: a loop tells the containers that it launches, or whose function it prepares, the
    address of its own api."""
    *ports, temporal, temporal_ui = free_ports(4)
    access = StackAccess(
        pid=os.getpid(),
        api_url="",
        api_key=api_key,
        temporal_address=f"{LOOPBACK}:{temporal}",
        temporal_namespace=_NAMESPACE,
        web_ui_url=f"http://{LOOPBACK}:{temporal_ui}",
        provisioner=platform.provisioner,
    )
    option = StackOptions(
        data_dir=folder.path,
        temporal_port=temporal,
        temporal_ui_port=temporal_ui,
        provisioner=platform.provisioner,
    )
    return (
        [replace(access, api_url=f"http://{LOOPBACK}:{port}") for port in ports],
        [replace(option, port=port) for port in ports],
    )
