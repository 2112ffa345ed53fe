"""Deploys a folder whenever something in it changes, for as long as a stack runs."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from control_plane.access.local_stacks import StackAccess
from control_plane.access.server import Server
from control_plane.cli.output import fail, note
from control_plane.cli.session import PATIENCE
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.deploying import Deployment, Unchanged, deploy
from control_plane.errors import Refused, Unreachable
from watchfiles import awatch

from control_plane_server.cli.stack.watched_changes import ReadingTime, Relevant

_QUIET_MILLISECONDS = 300  # an editor, or git, writes several files
_AGAIN_AFTER = 5.0
_SERVER_ERROR = 500


async def keep_deployed(access: StackAccess, folder: Path, *, data_dir: Path) -> None:
    """Until it is cancelled. What cannot be deployed is told, and the version before goes on; nothing is raised.

    `data_dir`: the stack's, which may lie in the folder. A server that does not answer is tried again.
    """
    found_in = "control-plane dev"
    server = Server(api_url=access.api_url, api_key=access.api_key, found_in=found_in, key_found_in=found_in)
    async with AsyncConnection(server, PATIENCE) as connection:
        deployments = _Deployments(connection, folder)
        changes = _Changes()
        watching = asyncio.create_task(_watch(folder, changes, Relevant(folder, data_dir=data_dir)))
        is_wanted = True
        try:
            while True:
                is_done = not is_wanted or await deployments.deploy()
                changed = await changes.take(within=None if is_done else _AGAIN_AFTER)
                is_wanted = not is_done or deployments.reading.counts(changed)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


class _Changes:
    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._are_there = asyncio.Event()

    def add(self, paths: Iterable[Path]) -> None:
        self._paths.update(paths)
        self._are_there.set()

    async def take(self, *, within: float | None) -> set[Path]:
        """What has changed, once something has, or none after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._are_there.wait()
        self._are_there.clear()
        paths, self._paths = self._paths, set()
        return paths


async def _watch(folder: Path, changes: _Changes, relevant: Relevant) -> None:
    try:
        async for changed in awatch(folder, watch_filter=relevant, step=_QUIET_MILLISECONDS):
            changes.add(Path(path) for _, path in changed)
        reason = "watching it has ended"
    except Exception as error:  # the folder is gone, or the system watches no more of them, or whatever it is
        reason = str(error) or type(error).__name__
    fail(f"{folder} is no longer watched: {reason}")


class _Deployments:
    """`_told`: what was said about earlier ones, which is not said again."""

    def __init__(self, connection: AsyncConnection, folder: Path) -> None:
        self.reading = ReadingTime()
        self._connection = connection
        self._deployment = Deployment(project=folder.name, folder=folder)
        self._told: set[str] = set()
        self._has_failed = False
        self._image: str | None = None
        self._deployed_image: str | None = None

    async def deploy(self) -> bool:
        """False if the server was in no state to: to be done again. Raises nothing."""
        began = time.monotonic()
        self.reading.begin()
        try:
            version = await deploy(self._connection, self._deployment, self._tell_once, is_deployed=self._is_deployed)
        except Unchanged:
            if self._has_failed:
                note(f"{self._deployment.project}: as it was deployed last")
            self._has_failed = False
            return True
        except Exception as error:  # whatever it is, the next change is deployed
            self._has_failed = True
            stays = "" if self._deployed_image is None else "; the version before stays"
            reason = str(error) or type(error).__name__
            fail(f"{self._deployment.project}: {reason}{stays}")
            return not _is_of_server(error)
        finally:
            self.reading.end()
        self._deployed_image, self._has_failed = self._image, False
        names = ", ".join(function.function_name for function in version.functions)
        note(f"{version.project_name}: deployed in {time.monotonic() - began:.1f} s: {names}")
        return True

    def _is_deployed(self, image: str) -> bool:
        self.reading.end()
        self._image = image
        return image == self._deployed_image

    def _tell_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            note(line)


def _is_of_server(error: Exception) -> bool:
    """Whether it passes without anybody changing the folder, as while the api starts again."""
    return isinstance(error, Unreachable) or (isinstance(error, Refused) and error.status >= _SERVER_ERROR)
