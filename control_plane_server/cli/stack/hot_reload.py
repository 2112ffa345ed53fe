"""Deploys a folder whenever something in it changes, for as long as a stack runs."""

import asyncio
import time
from pathlib import Path

from control_plane.access.errors import CannotBeDone
from control_plane.access.local_stacks import StackAccess
from control_plane.access.server import Server
from control_plane.cli.output import fail, note
from control_plane.cli.session import PATIENCE
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.deploying import Deployment, deploy
from control_plane.deployment.ignoring import Ignored
from control_plane.deployment.snapshots import LEFT_OUT
from control_plane.errors import ControlPlaneError
from watchfiles import Change, awatch

_QUIET_MILLISECONDS = 300  # an editor, or git, writes several files


async def keep_deployed(access: StackAccess, folder: Path) -> None:
    """Until it is cancelled. What cannot be deployed is told, and the version before goes on; nothing is raised."""
    found_in = "control-plane dev"
    server = Server(api_url=access.api_url, api_key=access.api_key, found_in=found_in, key_found_in=found_in)
    async with AsyncConnection(server, PATIENCE) as connection:
        deployments = _Deployments(connection, folder)
        changed = asyncio.Event()
        changed.set()
        watching = asyncio.create_task(_watch(folder, changed))
        try:
            while True:
                await changed.wait()
                changed.clear()
                await deployments.deploy()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _watch(folder: Path, changed: asyncio.Event) -> None:
    try:
        async for _ in awatch(folder, watch_filter=_Relevant(folder), step=_QUIET_MILLISECONDS):
            changed.set()
    except (OSError, RuntimeError) as error:  # the folder is gone, or the system watches no more of them
        fail(f"{folder} is no longer watched: {error}")


class _Deployments:
    """`_told`: what was said about earlier ones, which is not said again."""

    def __init__(self, connection: AsyncConnection, folder: Path) -> None:
        self._connection = connection
        self._deployment = Deployment(project=folder.name, folder=folder)
        self._told: set[str] = set()

    async def deploy(self) -> None:
        began = time.monotonic()
        try:
            version = await deploy(self._connection, self._deployment, self._tell_once)
        except (ControlPlaneError, OSError) as error:
            fail(f"{self._deployment.project}: {error}; the version before stays")
            return
        names = ", ".join(function.function_name for function in version.functions)
        note(f"{version.project_name}: deployed in {time.monotonic() - began:.1f} s: {names}")

    def _tell_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            note(line)


class _Relevant:
    """Which changes count: not those of what is no part of a deployment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, change: Change, path: str) -> bool:
        changed = Path(path)
        if not changed.is_relative_to(self._folder):
            return False
        if {".venv", *LEFT_OUT}.intersection(changed.relative_to(self._folder).parts):
            return False
        try:
            return not Ignored(self._folder).covers(changed)
        except CannotBeDone:  # an ignore file that is being written: the deployment says what is wrong with it
            return True
