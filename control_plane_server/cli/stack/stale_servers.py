"""Stops the servers that a killed stack left behind, so that the next stack on the folder finds its ports free.

PostgreSQL is not among them: it is taken over. Nor are the containers: the new `loop` adopts them.
"""

import asyncio
from datetime import timedelta
from functools import partial

from control_plane.machine.processes import Process, kill_session
from control_plane.machine.records import read_record

from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.polling import poll_until

_GRACE = timedelta(seconds=10)


async def stop_stale_servers(folder: DataFolder, servers: tuple[str, ...]) -> list[str]:
    """Stop what is still recorded, one after the other in the order given. Returns the names of those that ran."""
    found: list[str] = []
    for server in servers:
        process = read_record(folder.record(server))
        if process is not None and process.is_alive():
            found.append(server)
            await _end(process)
        folder.record(server).unlink(missing_ok=True)
    return found


async def _end(process: Process) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(_GRACE.total_seconds()):
            await poll_until(partial(_is_gone, process))
    except TimeoutError:
        await asyncio.to_thread(kill_session, process.pid)  # each server leads a session of its own


async def _is_gone(process: Process) -> bool:
    return not process.is_alive()
