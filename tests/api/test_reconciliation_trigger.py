"""What is left undone while Temporal is away is done soon after it is back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from structlog.testing import capture_logs
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow
from temporalio.service import RPCError

from activities.search_attributes import register_search_attributes
from api.reconciliation_trigger import ReconciliationTrigger
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.installation import InstallationRepository
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.ports import LOOPBACK, free_ports
from control_plane_server.cli.stack.readiness import wait_until_ready
from control_plane_server.cli.stack.servers import temporal_server
from control_plane_server.orchestration.namespace_link import NamespaceLink
from environment.provisioner_names import ProvisionerName
from tests.proxy import Proxy, proxy_of_port
from workflows.naming import RECONCILIATION_SCHEDULE_ID
from workflows.schedule import ensure_schedule

SOON = timedelta(seconds=0.2)


@asynccontextmanager
async def temporal(path: Path, *, installation_id: str) -> AsyncIterator[tuple[Client, Proxy]]:
    """With the schedule of this installation, and a proxy in front of it that the client is not behind."""
    port, ui_port = free_ports(2)
    folder = DataFolder(path)
    folder.make()
    options = StackOptions(
        data_dir=path, temporal_port=port, temporal_ui_port=ui_port, provisioner=ProvisionerName.PROCESS
    )
    server = temporal_server(options, folder, namespace="default", has_file=False)
    await server.start()
    try:
        await wait_until_ready(server, _until_scheduled(f"{LOOPBACK}:{port}", installation_id))
        async with proxy_of_port(port) as proxy:
            yield await Client.connect(f"{LOOPBACK}:{port}"), proxy
    finally:
        await server.stop(asyncio.Event())


async def _until_scheduled(address: str, installation_id: str) -> None:
    while True:
        try:
            client = await Client.connect(address)
            await register_search_attributes(client)
            await schedule(client, installation_id)
        except Exception:
            await asyncio.sleep(0.05)
        else:
            return


async def schedule(client: Client, installation_id: str) -> None:
    await ensure_schedule(client, installation_id)
    while not await looks(client):  # the first one is made at once
        await asyncio.sleep(0.05)
    handle = client.get_schedule_handle(RECONCILIATION_SCHEDULE_ID)
    await handle.pause()  # it runs when it is asked for only, and when no other run is under way
    for run in (await handle.describe()).info.running_actions:
        assert isinstance(run, ScheduleActionExecutionStartWorkflow)
        with contextlib.suppress(RPCError):  # an earlier call has ended it
            await client.get_workflow_handle(run.workflow_id).terminate()


async def looks(client: Client) -> int:
    return (await client.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).describe()).info.num_actions


async def own_id(database: Database) -> str:
    async with database.statement() as connection:
        return (await InstallationRepository(connection).read()).installation_id


async def test_the_reconciliation_runs_when_temporal_is_back(tmp_path: Path, database: Database) -> None:
    installation_id = await own_id(database)
    async with asyncio.timeout(60), temporal(tmp_path / "data", installation_id=installation_id) as (client, proxy):
        behind = await Client.connect(f"{LOOPBACK}:{proxy.port}", lazy=True)
        proxy.fall_silent()
        async with ReconciliationTrigger(behind, link=NamespaceLink(behind, database), patience=SOON) as trigger:
            before = await looks(client)
            trigger.note()
            await asyncio.sleep(0.5)  # it is tried meanwhile
            assert await looks(client) == before
            proxy.speak()
            while await looks(client) == before:
                await asyncio.sleep(0.05)


async def test_another_catalogs_reconciliation_is_not_asked_for_and_one_that_is_missing_is_waited_for(
    tmp_path: Path, database: Database
) -> None:
    async with asyncio.timeout(60), temporal(tmp_path / "data", installation_id="another") as (client, _):
        before = await looks(client)
        with capture_logs() as logs:
            trigger = ReconciliationTrigger(client, link=NamespaceLink(client, database), patience=SOON, pause=SOON)
            async with trigger:
                trigger.note()
                while not logs:
                    await asyncio.sleep(0.05)
                await asyncio.sleep(1)  # it is tried meanwhile
                assert await looks(client) == before
                await client.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).delete()
                await asyncio.sleep(1)  # as is one that is not there
                await schedule(client, await own_id(database))
                while await looks(client) < 2:
                    await asyncio.sleep(0.05)
                while logs[-1]["event"] != "reconciliation_is_asked_for":
                    await asyncio.sleep(0.05)
    assert [log["event"] for log in logs] == ["reconciliation_cannot_be_asked_for", "reconciliation_is_asked_for"]
    assert "works for another catalog" in logs[0]["reason"]
