"""The stand-in for AWS: `python -m tests.aws --port 4566`.

It announces itself with one line of JSON on stdout, the environment of a control plane that is to use it. SIGTERM ends
it and all its containers; so does its death in any other way.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

from aiohttp import web

from tests.aws.account import Account
from tests.aws.agent import Agent
from tests.aws.authorization import Authorization
from tests.aws.call_log import CallLog
from tests.aws.capacity_providers import CapacityProviders
from tests.aws.client_tokens import ClientTokens
from tests.aws.control_api import ControlApi
from tests.aws.events import TaskEvents
from tests.aws.faults import Faults
from tests.aws.front import Front
from tests.aws.moto_server import Moto
from tests.aws.registry import Registry
from tests.aws.run_task import RunTask
from tests.aws.stack import NAME
from tests.aws.task_actions import TaskActions
from tests.aws.wire import CONTROL_PLANE_KEY, DOCTOR_KEY, Settings

_LOOPBACK = "127.0.0.1"


async def serve(listener: socket.socket, *, region: str, has_event_queue: bool, ends_with_stdin: bool) -> None:
    """Until SIGTERM or SIGINT, or until stdin is closed."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if ends_with_stdin:
        loop.add_reader(sys.stdin.fileno(), ended.set)
    settings, faults, log, account = Settings(), Faults(), CallLog(), Account(region)
    url = f"http://{_LOOPBACK}:{listener.getsockname()[1]}"
    announcement = account.furnish(url, has_event_queue=has_event_queue)
    agent = Agent(settings, Path(tempfile.mkdtemp(prefix="stand-in-")))
    events = TaskEvents(account, settings, has_queue=has_event_queue)
    registry = Registry(settings=settings, account=account, agent=agent, faults=faults, events=events)
    front = Front(
        settings=settings,
        moto=Moto(),
        faults=faults,
        log=log,
        run_task=RunTask(account, registry, ClientTokens(settings), faults),
        task_actions=TaskActions(account, registry),
        capacity_providers=CapacityProviders(account),
        authorization=Authorization(
            account.place,
            {CONTROL_PLANE_KEY: account.policies(NAME), DOCTOR_KEY: account.policies(NAME, f"{NAME}-doctor")},
        ),
    )
    control = ControlApi(
        settings=settings,
        faults=faults,
        log=log,
        registry=registry,
        agent=agent,
        fill_buckets=front.rate_limits.fill,
    )
    app = web.Application(client_max_size=0)
    app.add_routes([*control.routes(), web.route("*", "/{path:.*}", front.handle)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1_024).start()
    memory_watch = asyncio.create_task(agent.watch_memory())
    sys.stdout.write(json.dumps(announcement) + "\n")
    sys.stdout.flush()
    await ended.wait()
    memory_watch.cancel()
    registry.close()
    await agent.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.aws")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--event-queue", action="store_true", help="send task state changes to an SQS queue")
    parser.add_argument("--while-stdin-is-open", action="store_true", help="end when stdin is closed")
    options = parser.parse_args()
    listener = socket.create_server((_LOOPBACK, options.port))
    asyncio.run(
        serve(
            listener,
            region=options.region,
            has_event_queue=options.event_queue,
            ends_with_stdin=options.while_stdin_is_open,
        )
    )
    os._exit(0)  # long polls in moto's threads would keep us


if __name__ == "__main__":
    main()
