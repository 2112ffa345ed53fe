"""Removes folders of containers and snapshots that nobody has needed for long, or that take too much room.

Every process does so, an hour after it began and then every hour: starting reads none of them. Removing twice is as
good as once.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from control_plane.deployment.image_folders import remove

from control_plane_server.liveness.background import in_background
from control_plane_server.liveness.failures import report_failure
from control_plane_server.provisioners.process.all_containers import live_container_names
from control_plane_server.provisioners.process.container_folders import ContainerFolder, containers_root, folder_of
from control_plane_server.provisioners.process.image_folders import image_root, note_use, snapshots

logger = structlog.get_logger(__name__)

_INTERVAL = timedelta(hours=1)
# `loop` may have been away, and still has to look how a container ended.
_LEAST_AGE_OF_CONTAINERS = timedelta(hours=1)
# Who has made a snapshot may not have declared it yet.
_LEAST_AGE_OF_SNAPSHOTS = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how long what is not used any more is kept, and how many bytes of containers, and again of snapshots. The
    newest snapshot of a project is always kept."""

    age: timedelta
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """`last_use`: in seconds since 1970."""

    path: Path
    last_use: float
    size: int


@asynccontextmanager
async def keep_housekeeping(data_dir: Path, retention: Retention) -> AsyncIterator[None]:
    """Remove again and again while the context is open."""

    async def run() -> None:
        while True:
            await asyncio.sleep(_INTERVAL.total_seconds())
            try:
                await asyncio.to_thread(remove_old, data_dir, retention)
            except OSError as error:
                report_failure("housekeeping", error)

    async with in_background("housekeeping", run):
        yield


def remove_old(data_dir: Path, retention: Retention) -> None:
    """What was used last within the hour, for snapshots within two days, stays whatever its size."""
    for item in _expired(_ended_containers(data_dir), retention, least_age=_LEAST_AGE_OF_CONTAINERS):
        ContainerFolder(item.path).remove()
    _note_snapshots_that_run(data_dir)
    for item in _expired(_older_snapshots(data_dir), retention, least_age=_LEAST_AGE_OF_SNAPSHOTS):
        logger.info("snapshot_is_removed", folder=str(item.path))
        remove(item.path, root=image_root(data_dir))


def _expired(items: Iterator[_Item], retention: Retention, *, least_age: timedelta) -> Iterator[_Item]:
    """The newest are kept as long as there is room."""
    now = time.time()
    left = retention.size
    for item in sorted(items, key=lambda item: item.last_use, reverse=True):
        age = now - item.last_use
        left -= item.size
        if age > retention.age.total_seconds() or (left < 0 and age > least_age.total_seconds()):
            yield item


def _ended_containers(data_dir: Path) -> Iterator[_Item]:
    """Withdrawn names and what a launch that died left are among them."""
    for path in _folders_in(containers_root(data_dir)):
        folder = ContainerFolder(path)
        supervisor = folder.supervisor()
        if folder.exit_record() is None and supervisor is not None and supervisor.is_alive():
            continue
        with suppress(FileNotFoundError):
            yield _Item(path=path, last_use=folder.last_change(), size=_size(path))


def _note_snapshots_that_run(data_dir: Path) -> None:
    """A container's `.venv` is that of its snapshot, and it may run for a month."""
    for name in live_container_names(data_dir):
        image = folder_of(data_dir, name).image()
        if image is not None:
            note_use(image, data_dir)


def _older_snapshots(data_dir: Path) -> Iterator[_Item]:
    for project in _folders_in(image_root(data_dir)):
        for path in snapshots(project)[1:]:
            with suppress(FileNotFoundError):
                yield _Item(path=path, last_use=path.stat().st_mtime, size=_size(path))


def _folders_in(root: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        for name in os.listdir(root):
            if not name.startswith(".") and (root / name).is_dir():
                yield root / name


def _size(folder: Path) -> int:
    """In bytes, of its files; links are not followed."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += os.lstat(os.path.join(parent, name)).st_size
    return size
