"""Temporal of the embedded stack: what it knows from its first moment, and what it keeps when it is killed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from control_plane.machine.records import read_record
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from activities.search_attributes import missing_search_attributes
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.polling import poll_until
from control_plane_server.cli.stack.ports import LOOPBACK, free_ports
from control_plane_server.cli.stack.readiness import wait_until_ready
from control_plane_server.cli.stack.server import Server
from control_plane_server.cli.stack.servers import temporal_server
from workflows.naming import ATTEMPTS, PROJECT

NAMESPACE = "of-its-user"


@asynccontextmanager
async def temporal(folder: DataFolder) -> AsyncIterator[tuple[Server, Client]]:
    port, ui_port = free_ports(2)
    options = StackOptions(data_dir=folder.path, temporal_port=port, temporal_ui_port=ui_port)
    server = temporal_server(options, folder, namespace=NAMESPACE)
    address = f"{LOOPBACK}:{port}"
    await server.start()
    try:
        await wait_until_ready(server, poll_until(partial(_answers, address)))
        yield server, await Client.connect(address, namespace=NAMESPACE)
    finally:
        await server.stop(asyncio.Event())


async def _answers(address: str) -> bool:
    try:
        await missing_search_attributes(await Client.connect(address, namespace=NAMESPACE))
    except (RuntimeError, RPCError):
        return False
    return True


async def start(client: Client, workflow_id: str) -> None:
    await client.start_workflow(
        "Packing",
        id=workflow_id,
        task_queue="nobody-asks",
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(PROJECT, "shop"), SearchAttributePair(ATTEMPTS, 1)]
        ),
    )


async def test_our_search_attributes_can_be_used_at_once(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.make()
    async with temporal(folder) as (_, client):
        assert await missing_search_attributes(client) == []
        await start(client, "one")


async def test_a_killed_server_has_all_that_it_has_answered_for(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.make()
    ids = {f"packing-{number}" for number in range(50)}
    async with temporal(folder) as (server, client):
        await asyncio.gather(*(start(client, workflow_id) for workflow_id in ids))
        record = read_record(folder.record("temporal"))
        assert record is not None
        os.kill(record.pid, signal.SIGKILL)
        assert await server.ended() == -signal.SIGKILL
    async with temporal(folder) as (_, client):
        for workflow_id in ids:
            assert (await client.get_workflow_handle(workflow_id).describe()).status is WorkflowExecutionStatus.RUNNING
