"""Lists all containers of a data folder, and ends them when a whole stack shuts down."""

import asyncio
from datetime import timedelta
from pathlib import Path

from control_plane.machine.processes import Process, kill_session

from control_plane_server.provisioners.process.container_folders import ContainerFolder
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
    await asyncio.to_thread(_kill_all, data_dir)


def live_container_names(data_dir: Path) -> list[str]:
    """The names of the containers that run now."""
    return [folder.path.name for folder, _ in _live_containers(data_dir)]


async def _gone(supervisor: Process) -> None:
    while supervisor.is_alive():  # noqa: ASYNC110 - the end of a process that is no child is not signalled
        await asyncio.sleep(_POLL_INTERVAL.total_seconds())


def _live_supervisors(data_dir: Path) -> list[Process]:
    return [supervisor for _, supervisor in _live_containers(data_dir)]


def _kill_all(data_dir: Path) -> None:
    for folder, supervisor in _live_containers(data_dir):
        kill_session(supervisor.pid)
        folder.remove_memory_group()


def _live_containers(data_dir: Path) -> list[tuple[ContainerFolder, Process]]:
    """Those whose end is not recorded, each with its supervisor."""
    found = ((folder, folder.supervisor()) for folder in marked_folders(data_dir))
    return [(folder, supervisor) for folder, supervisor in found if supervisor is not None and supervisor.is_alive()]
