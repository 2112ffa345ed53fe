"""A whole stack to measure: the servers of `control-plane dev`, with containers that run in our own process."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import psutil
from control_plane.access.local_stacks import StackAccess
from control_plane.machine.records import read_record
from sqlalchemy import URL
from temporalio.client import Client
from temporalio.service import GrpcCompression

from benchmarks import bare
from benchmarks.containers import ContainerHost, hosting
from benchmarks.http import Http
from benchmarks.precedence import let_give_way
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.options import StackOptions
from control_plane_server.cli.stack.polling import poll_until
from control_plane_server.cli.stack.ports import LOOPBACK, free_ports
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.cli.stack.readiness import wait_until_api_answers, wait_until_ready
from control_plane_server.cli.stack.server import Server
from control_plane_server.cli.stack.servers import api_server, loop_server, process_environment, temporal_server
from control_plane_server.cli.stack.temporal import is_polled, wait_until_loop_polls, wait_until_temporal_answers
from control_plane_server.orchestration.payloads import data_converter
from control_plane_server.processes.connections import migrate
from control_plane_server.provisioners.process.all_containers import kill_all_containers

FUNCTIONS = Path(__file__).parent / "functions"
_PYTHON = (sys.executable, "-P", "-m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """`catalog`: where it is, to fill it with what has long ended. `processes`: loop, api, temporal, bare, postgres.
    `image`: what functions are deployed with."""

    api_url: str
    api_key: str
    http: Http
    host: ContainerHost
    temporal: Client
    catalog: URL
    processes: Mapping[str, psutil.Process]
    image: str


@asynccontextmanager
async def running_stack(
    path: Path, *, has_file: bool = True, are_containers_real: bool = False
) -> AsyncIterator[Stack]:
    """`has_file`: Temporal's state is in a file, as with `control-plane dev`; else in memory. `are_containers_real`:
    they are processes, of the functions in `benchmarks/functions`; if not, whoever calls Temporal and PostgreSQL gives
    way to them, bare workflows' worker as well as ours, as if they had machines of their own."""
    folder = DataFolder(path)
    folder.make()
    port, temporal_port, ui_port = free_ports(3)
    options = StackOptions(data_dir=path, port=port, temporal_port=temporal_port, temporal_ui_port=ui_port)
    access = StackAccess(
        pid=os.getpid(),
        api_url=f"http://{LOOPBACK}:{port}",
        api_key="root-key",
        temporal_address=f"{LOOPBACK}:{temporal_port}",
        temporal_namespace="default",
        web_ui_url=f"http://{LOOPBACK}:{ui_port}",
        provisioner=options.provisioner,
    )
    async with AsyncExitStack() as opened:
        postgres = EmbeddedPostgres(folder.postgres)
        opened.push_async_callback(postgres.stop)
        settings = await postgres.start()
        await migrate(settings)
        temporal = temporal_server(options, folder, namespace=access.temporal_namespace, has_file=has_file)
        await _start(opened, temporal)
        await wait_until_ready(temporal, wait_until_temporal_answers(access))
        # As ours connect: what calls bare workflows is to have no other burden.
        client = await Client.connect(
            access.temporal_address, data_converter=data_converter, grpc_compression=GrpcCompression.NONE
        )
        http = await opened.enter_async_context(Http(access.api_url, key=access.api_key))
        socket = path / "containers.sock"
        host = await opened.enter_async_context(hosting(socket, http))
        environment = process_environment(folder=folder, api_keys=access.api_key, postgres=settings, access=access)
        opened.push_async_callback(kill_all_containers, path)
        loop, bare_worker = (
            Server(
                name=name,
                command=(*_PYTHON, f"benchmarks.{name}", *arguments),
                environment=environment,
                grace=timedelta(seconds=20),
                folder=folder,
            )
            for name, arguments in (("loop", (str(socket), "--provisioner=process")), ("bare", ()))
        )
        if are_containers_real:
            loop = loop_server(options, folder, environment)
        api = api_server(options, folder, environment)
        for server in (loop, bare_worker, api):
            await _start(opened, server)
        await wait_until_ready(loop, wait_until_loop_polls(access))
        await wait_until_ready(bare_worker, poll_until(partial(is_polled, client, bare.TASK_QUEUE)))
        await wait_until_ready(api, wait_until_api_answers(access.api_url))
        processes = {name: _process(folder, name) for name in ("loop", "api", "temporal", "bare")}
        if not are_containers_real:
            await let_give_way(processes[name] for name in ("loop", "api", "bare"))
        opened.callback(host.let_go)
        postmaster = int((folder.postgres / "postmaster.pid").read_text().splitlines()[0])
        async with asyncio.TaskGroup() as watching:
            watches = [watching.create_task(_watch(server)) for server in (temporal, loop, bare_worker, api)]
            yield Stack(
                api_url=access.api_url,
                api_key=access.api_key,
                http=http,
                host=host,
                temporal=client,
                catalog=settings.url,
                processes=processes | {"postgres": psutil.Process(postmaster)},
                image=FUNCTIONS.as_uri() if are_containers_real else "image:1",
            )
            for watch in watches:
                watch.cancel()


async def _watch(server: Server) -> None:
    raise server.failure(await server.ended())


async def _start(opened: AsyncExitStack, server: Server) -> None:
    opened.push_async_callback(server.stop, asyncio.Event())
    await server.start()


def _process(folder: DataFolder, name: str) -> psutil.Process:
    record = read_record(folder.record(name))
    if record is None:
        raise RuntimeError(f"{name} did not start; see {folder.log(name)}")
    return psutil.Process(record.pid)
