"""What is left undone while Temporal is away is done soon after it is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client

from activities.search_attributes import register_search_attributes
from api.leftovers import Leftovers
from cli.stack.folder import DataFolder
from cli.stack.options import StackOptions
from cli.stack.ports import LOOPBACK, free_ports
from cli.stack.readiness import wait_until_ready
from cli.stack.servers import temporal_server
from environment.provisioner_names import ProvisionerName
from tests.proxy import Proxy, proxy_of_port
from workflows.naming import RECONCILIATION_SCHEDULE_ID
from workflows.schedule import ensure_schedule


@asynccontextmanager
async def temporal(path: Path) -> AsyncIterator[tuple[Client, Proxy]]:
    """With its schedule, and a proxy in front of it that the client is not behind."""
    port, ui_port = free_ports(2)
    folder = DataFolder(path)
    folder.make()
    options = StackOptions(
        data_dir=path, temporal_port=port, temporal_ui_port=ui_port, provisioner=ProvisionerName.PROCESS
    )
    server = temporal_server(options, folder, namespace="default", has_file=False)
    await server.start()
    try:
        await wait_until_ready(server, _until_scheduled(f"{LOOPBACK}:{port}"))
        async with proxy_of_port(port) as proxy:
            yield await Client.connect(f"{LOOPBACK}:{port}"), proxy
    finally:
        await server.stop(asyncio.Event())


async def _until_scheduled(address: str) -> None:
    while True:
        try:
            client = await Client.connect(address)
            await register_search_attributes(client)
            await ensure_schedule(client, "anybody")
            while not await looks(client):  # the first one is made at once
                await asyncio.sleep(0.05)
            await client.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).pause()  # it runs when it is asked for only
        except Exception:
            await asyncio.sleep(0.05)
        else:
            return


async def looks(client: Client) -> int:
    return (await client.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).describe()).info.num_actions


async def test_the_reconciliation_runs_when_temporal_is_back(tmp_path: Path) -> None:
    async with asyncio.timeout(60), temporal(tmp_path / "data") as (client, proxy):
        behind = await Client.connect(f"{LOOPBACK}:{proxy.port}", lazy=True)
        proxy.fall_silent()
        async with Leftovers(behind, patience=timedelta(seconds=0.2)) as leftovers:
            before = await looks(client)
            leftovers.note()
            await asyncio.sleep(0.5)  # it is tried meanwhile
            assert await looks(client) == before
            proxy.speak()
            while await looks(client) == before:
                await asyncio.sleep(0.05)
