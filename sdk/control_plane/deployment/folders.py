"""Where a control plane on this machine finds the snapshots that it runs: in a folder of its own, which it names."""

import asyncio
import shutil
import threading
from pathlib import Path

from control_plane.cli.client.client import Client
from control_plane.cli.client.errors import NotFound, Refused
from control_plane.cli.exits import CommandFailed, WrongUsage
from control_plane.cli.output import note
from control_plane.deployment.snapshots import FolderChanges, remove_snapshots, take_snapshot
from control_plane_server.provisioners.process.image_folders import identity_of

_RUNS_IMAGES = 501


async def runs_folders(client: Client) -> bool:
    """Whether images are folders there, on whatever machine."""
    try:
        return client.server.is_on_loopback and await _answer(client) is not None
    except NotFound:  # an earlier release
        return False


async def snapshot_root(client: Client) -> Path:
    """The control plane's folder of snapshots. Raises WrongUsage if it has none, or none on this machine; CommandFailed
    if it is of an earlier release, which does not say."""
    server = client.server
    try:
        answer = await _answer(client) if server.is_on_loopback else None  # whoever runs folders listens nowhere else
    except NotFound as error:
        raise CommandFailed(f"{server.api_url} runs an earlier release; start it again with this one") from error
    if answer is None:
        raise WrongUsage(f"{server.api_url} runs images: name one with --image, or make one with --build")
    path, identity = answer
    if identity_of(path) != identity:
        raise WrongUsage(
            f"{server.api_url} runs folders of its own machine, and {path} is not that one here: "
            "deploy on that machine, as the user whose stack it is"
        )
    return path


async def snapshot_image(folder: Path, root: Path, *, project: str) -> str:
    """The image that is a snapshot of the folder. Raises CommandFailed.

    If it is cancelled, the copying ends and leaves nothing behind.
    """
    interrupted = threading.Event()
    copying = asyncio.create_task(
        asyncio.to_thread(take_snapshot, folder, root, project=project, is_interrupted=interrupted.is_set, report=note)
    )
    try:
        return (await asyncio.shield(copying)).as_uri()
    except FolderChanges as error:
        raise CommandFailed(
            f"{folder} changes while it is copied, {error} for one; stop what writes to it, and deploy again"
        ) from error
    except (OSError, shutil.Error) as error:
        raise CommandFailed(f"{folder} cannot be copied to {root}: {error}") from error
    except asyncio.CancelledError:
        interrupted.set()
        await asyncio.gather(copying, return_exceptions=True)
        raise


async def forget_snapshots(client: Client, *, project: str) -> None:
    """Once no version of the project is there any more. Those on another machine are left to it."""
    try:
        answer = await _answer(client)
    except NotFound:  # an earlier release
        return
    if answer is not None and identity_of(answer[0]) == answer[1]:
        await asyncio.to_thread(remove_snapshots, answer[0], project=project)


async def _answer(client: Client) -> tuple[Path, str] | None:
    """The folder and its identity; None where images are no folders. Raises NotFound of an earlier release."""
    try:
        answer = await client.image_folder()
    except Refused as error:
        if error.status == _RUNS_IMAGES:
            return None
        raise
    return Path(answer.path), answer.identity
