"""Lists all containers of a data folder, and ends them when a whole stack shuts down."""

import asyncio
from contextlib import suppress
from pathlib import Path

from control_plane.machine.processes import Process, kill_session

from control_plane_server.provisioners.process.container_folders import ContainerFolder
from control_plane_server.provisioners.process.running_marks import marked_folders


async def interrupt_all_containers(data_dir: Path) -> int:
    """Kill every container, without a word to its code: it was not cancelled, and is launched again within the same
    execution. Returns how many there were."""
    return await asyncio.to_thread(_interrupt_all, data_dir)


async def kill_all_containers(data_dir: Path) -> None:
    """Send SIGKILL to every container and its supervisor."""
    await asyncio.to_thread(_kill_all, data_dir)


def live_container_names(data_dir: Path) -> list[str]:
    """The names of the containers that run now."""
    return [folder.path.name for folder, _ in _live_containers(data_dir)]


def _interrupt_all(data_dir: Path) -> int:
    containers = _live_containers(data_dir)
    for folder, _ in containers:
        with suppress(OSError):  # a full disk, for example: the stack has to stop all the same
            folder.note_interruption()  # first: one that is killed without it is one that failed
    _kill(containers)
    return len(containers)


def _kill_all(data_dir: Path) -> None:
    _kill(_live_containers(data_dir))


def _kill(containers: list[tuple[ContainerFolder, Process]]) -> None:
    for folder, supervisor in containers:
        with suppress(OSError):  # the others have to be killed
            kill_session(supervisor.pid)
            folder.remove_memory_group()


def _live_containers(data_dir: Path) -> list[tuple[ContainerFolder, Process]]:
    """Those whose end is not recorded, each with its supervisor."""
    found = ((folder, folder.supervisor()) for folder in marked_folders(data_dir))
    return [(folder, supervisor) for folder, supervisor in found if supervisor is not None and supervisor.is_alive()]
