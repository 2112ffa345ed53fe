"""Where a control plane on this machine finds the snapshots that it runs: in a folder of its own, which it names."""

import asyncio
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.client.connections import AsyncConnection
from control_plane.deployment.ignoring import OURS, Ignored
from control_plane.deployment.image_folders import identity_of
from control_plane.deployment.notable_files import in_short
from control_plane.deployment.reports import Report
from control_plane.deployment.snapshots import FolderChanges, remove_snapshots, take_snapshot
from control_plane.errors import Refused

_RUNS_IMAGES = 501
_NOT_FOUND = 404


class _SaysNothing(Exception):
    """A release before this one does not say where its folders are."""


async def runs_folders(connection: AsyncConnection) -> bool:
    """Whether images are folders there, on whatever machine."""
    try:
        return connection.server.is_on_loopback and await _answer(connection) is not None
    except _SaysNothing:
        return False


async def snapshot_root(connection: AsyncConnection) -> Path:
    """The control plane's folder of snapshots. Raises WrongUsage if it has none, or none on this machine; CannotBeDone
    if it is of an earlier release, which does not say."""
    server = connection.server
    try:
        answer = (
            await _answer(connection) if server.is_on_loopback else None
        )  # whoever runs folders listens nowhere else
    except _SaysNothing as error:
        raise CannotBeDone(f"{server.api_url} runs an earlier release; start it again with this one") from error
    if answer is None:
        raise WrongUsage(f"{server.api_url} runs images: name one with --image, or make one with --build")
    path, identity = answer
    if identity_of(path) != identity:
        raise WrongUsage(
            f"{server.api_url} runs folders of its own machine, and {path} is not that one here: "
            "deploy on that machine, as the user whose stack it is"
        )
    return path


async def snapshot_image(
    folder: Path, root: Path, *, needed: Sequence[Path], project: str, notes: Mapping[str, str], report: Report
) -> str:
    """The image that is a snapshot of the folder. Raises CannotBeDone, also if one of the files in it that are `needed`
    would be left out.

    If it is cancelled, the copying ends and leaves nothing behind.
    """
    ensure_parts(folder, needed)
    interrupted = threading.Event()
    copying = asyncio.create_task(
        asyncio.to_thread(
            take_snapshot, folder, root, project=project, notes=notes, is_interrupted=interrupted.is_set, report=report
        )
    )
    try:
        return (await asyncio.shield(copying)).as_uri()
    except FolderChanges as error:
        raise CannotBeDone(
            f"{folder} changes while it is copied, {error} for one; stop what writes to it, and deploy again"
        ) from error
    except (OSError, shutil.Error) as error:
        raise CannotBeDone(f"{folder} cannot be copied to {root}: {error}") from error
    except asyncio.CancelledError:
        interrupted.set()
        await asyncio.gather(copying, return_exceptions=True)
        raise


def ensure_parts(folder: Path, needed: Sequence[Path]) -> None:
    """Of its copies. `needed`: files in it. Raises CannotBeDone: no call would find what is left out."""
    folder = folder.resolve()
    ignored = Ignored(folder)
    missing = [str(file) for file in needed if ignored.covers(folder / file)]
    if missing:
        raise CannotBeDone(
            f"{in_short(missing)}: imported, but left out, as {ignored.file_name} says; "
            f"take it out of there, or write {OURS}, which counts instead"
        )


async def forget_snapshots(connection: AsyncConnection, *, project: str) -> None:
    """Once no version of the project is there any more. Those on another machine are left to it."""
    try:
        answer = await _answer(connection)
    except _SaysNothing:
        return
    if answer is not None and identity_of(answer[0]) == answer[1]:
        await asyncio.to_thread(remove_snapshots, answer[0], project=project)


async def _answer(connection: AsyncConnection) -> tuple[Path, str] | None:
    """The folder and its identity; None where images are no folders. Raises _SaysNothing."""
    try:
        answer = await connection.run(connection.api.image_folder())
    except Refused as error:
        if error.status == _RUNS_IMAGES:
            return None
        if error.status == _NOT_FOUND:
            raise _SaysNothing from error
        raise
    return Path(answer.path), answer.identity
