"""All containers of a data folder: found, counted, and ended for whoever shuts a whole stack down."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from provisioners.process.container_folders import ContainerFolder, containers_root
from provisioners.process.processes import Process, kill_session

_POLL_INTERVAL = timedelta(seconds=0.05)


async def stop_all_containers(data_dir: Path) -> int:
    """SIGTERM to every container; returns, when the last one is gone, how many there were.

    It takes as long as the containers take, at most the grace period that each was started with. May be cancelled.
    """
    supervisors = await asyncio.to_thread(_live_supervisors, data_dir)
    for supervisor in supervisors:
        supervisor.terminate()
    await asyncio.gather(*(_gone(supervisor) for supervisor in supervisors))
    return len(supervisors)


async def kill_all_containers(data_dir: Path) -> None:
    """SIGKILL to every container and its supervisor."""
    for supervisor in await asyncio.to_thread(_live_supervisors, data_dir):
        await asyncio.to_thread(kill_session, supervisor.pid)


def live_container_names(data_dir: Path) -> list[str]:
    """The names of the containers that run now."""
    return [name for name, supervisor in _supervisors(data_dir) if supervisor.is_alive()]


async def _gone(supervisor: Process) -> None:
    while supervisor.is_alive():  # noqa: ASYNC110 - not a child of ours, so nothing tells us
        await asyncio.sleep(_POLL_INTERVAL.total_seconds())


def _live_supervisors(data_dir: Path) -> list[Process]:
    return [supervisor for _, supervisor in _supervisors(data_dir) if supervisor.is_alive()]


def _supervisors(data_dir: Path) -> Iterator[tuple[str, Process]]:
    """Of containers whose end is not recorded, by the containers' names."""
    root = containers_root(data_dir)
    if not root.is_dir():
        return
    for path in root.iterdir():
        folder = ContainerFolder(path)
        supervisor = folder.supervisor() if folder.exit_record() is None else None
        if supervisor is not None:
            yield path.name, supervisor
