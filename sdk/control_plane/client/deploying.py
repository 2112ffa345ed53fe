"""Deployments for callers that have no event loop, or one that is not ours to run in."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from control_plane.access.server import Server
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.deploying import Deployment, deploy
from control_plane.deployment.reports import Report, ignore
from control_plane.protocol.answers import Version
from control_plane.protocol.waiting import Patience

_PATIENCE = Patience(5.0, 30.0)


def deployment_of(
    project: str, *, folder: str | Path | None, image: str | None, build: bool, module: str
) -> Deployment:
    """`folder`: by default the one that this runs in."""
    return Deployment(project=project, folder=Path(folder or "."), image=image, build=build, module=module)


def deployed(server: Server, deployment: Deployment, report: Report | None) -> Version:
    """In a thread of its own: in a notebook, the caller's has an event loop that runs."""

    async def work() -> Version:
        async with AsyncConnection(server, _PATIENCE) as connection:
            return await deploy(connection, deployment, report or ignore)

    with ThreadPoolExecutor(1, "deployment") as threads:
        return threads.submit(asyncio.run, work()).result()
