"""Where a stack on this machine finds the snapshots that it runs."""

import asyncio
import hashlib
import threading
from pathlib import Path

from cli.access.server import Server
from cli.deployment.snapshots import FolderChanges, remove_snapshots, take_snapshot
from cli.exits import CommandFailed
from cli.output import note
from cli.stack.folder import DataFolder
from cli.stack.options import DEFAULT_DATA_DIR


async def snapshot_image(folder: Path, server: Server, *, project: str) -> str:
    """The image that is a snapshot of the folder. Raises CommandFailed.

    If it is cancelled, the copying ends and leaves nothing behind.
    """
    root = _root(server)
    interrupted = threading.Event()
    copying = asyncio.create_task(
        asyncio.to_thread(take_snapshot, folder, root, project=project, is_interrupted=interrupted.is_set, report=note)
    )
    try:
        return (await asyncio.shield(copying)).as_uri()
    except FolderChanges as error:
        raise CommandFailed(
            f"{folder} changes while it is copied: {error}; deploy again when nobody writes to it"
        ) from error
    except OSError as error:
        where = error.filename or folder
        raise CommandFailed(f"{folder} cannot be copied to {root}: {where}: {error.strerror}") from error
    except asyncio.CancelledError:
        interrupted.set()
        await asyncio.gather(copying, return_exceptions=True)
        raise


async def forget_snapshots(server: Server, *, project: str) -> None:
    """Once no version of the project is there any more."""
    if server.is_on_this_machine:
        await asyncio.to_thread(remove_snapshots, _root(server), project=project)


def _root(server: Server) -> Path:
    """With the rest of the stack's data, where we know its place. Else in a folder that the server's key names: of two
    stacks, which take turns on a port, each has its own, and neither forgets the other's."""
    if server.stack is not None:
        return server.stack.folder.path / "images"
    owner = hashlib.sha256(server.api_key.encode()).hexdigest()[:16]
    return DataFolder(DEFAULT_DATA_DIR).path / "images-of-others" / owner
