"""Where a stack on this machine finds the snapshots that it runs."""

import asyncio
import threading
from pathlib import Path

from cli.access.server import Server
from cli.deployment.snapshots import FolderChanged, remove_snapshots, take_snapshot
from cli.exits import CommandFailed
from cli.output import note
from cli.stack.options import DEFAULT_DATA_DIR


async def snapshot_image(folder: Path, server: Server, *, project: str) -> str:
    """The image that is a snapshot of the folder. Raises CommandFailed.

    If it is cancelled, the copying ends and leaves nothing behind.
    """
    root = _root(server)
    interrupted = threading.Event()
    copying = asyncio.create_task(
        asyncio.to_thread(take_snapshot, folder, root, project=project, is_interrupted=interrupted.is_set, tell=note)
    )
    try:
        return (await asyncio.shield(copying)).as_uri()
    except FolderChanged as error:
        raise CommandFailed(
            f"{folder / str(error)} has changed while it was copied; deploy again when nothing writes into the folder"
        ) from error
    except OSError as error:
        raise CommandFailed(f"{folder} cannot be copied to {root}: {error}") from error
    except asyncio.CancelledError:
        interrupted.set()
        await asyncio.gather(copying, return_exceptions=True)
        raise


async def forget_snapshots(server: Server, *, project: str) -> None:
    """Once no version of the project is there any more."""
    if server.is_on_this_machine:
        await asyncio.to_thread(remove_snapshots, _root(server), project=project)


def _root(server: Server) -> Path:
    """With the rest of the stack's data, where we know its place."""
    data_dir = DEFAULT_DATA_DIR.expanduser() if server.stack is None else server.stack.folder.path
    return data_dir / "images"
