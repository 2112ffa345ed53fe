"""Lists all containers of a data folder, and ends them when a whole stack shuts down."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from control_plane.machine.processes import Process, kill_session

from control_plane_server.provisioners.process.running_marks import marked_folders

_POLL_INTERVAL = timedelta(seconds=0.05)


async def stop_all_containers(data_dir: Path) -> int:
    """Send SIGTERM to every container, and wait until all are gone. Returns how many there were.

    Takes at most the grace period that each container was started with. May be cancelled.
    """
    supervisors = await asyncio.to_thread(_live_supervisors, data_dir)
    for supervisor in supervisors:
        supervisor.terminate()
    await asyncio.gather(*(_gone(supervisor) for supervisor in supervisors))
    return len(supervisors)


async def kill_all_containers(data_dir: Path) -> None:
    """Send SIGKILL to every container and its supervisor."""
    for supervisor in await asyncio.to_thread(_live_supervisors, data_dir):
        await asyncio.to_thread(kill_session, supervisor.pid)


def live_container_names(data_dir: Path) -> list[str]:
    """The names of the containers that run now."""
    return [name for name, supervisor in _supervisors(data_dir) if supervisor.is_alive()]


async def _gone(supervisor: Process) -> None:
    while supervisor.is_alive():  # noqa: ASYNC110 - the end of a process that is no child is not signalled
        await asyncio.sleep(_POLL_INTERVAL.total_seconds())


def _live_supervisors(data_dir: Path) -> list[Process]:
    return [supervisor for _, supervisor in _supervisors(data_dir) if supervisor.is_alive()]


def _supervisors(data_dir: Path) -> Iterator[tuple[str, Process]]:
    """The supervisors of containers whose end is not recorded, each with the container's name."""
    for folder in marked_folders(data_dir):
        supervisor = folder.supervisor()
        if supervisor is not None:
            yield folder.path.name, supervisor
