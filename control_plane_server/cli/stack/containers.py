"""Ends the containers of a stack that stops for good."""

import asyncio
from datetime import timedelta
from pathlib import Path

from control_plane_server.provisioners.process.all_containers import kill_all_containers, stop_all_containers


async def stop_containers(data_dir: Path, *, grace: timedelta, hurry: asyncio.Event) -> None:
    """SIGTERM, and SIGKILL after the grace period or as soon as there is a hurry."""
    stopping = asyncio.create_task(stop_all_containers(data_dir))
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait({stopping, hurried}, timeout=grace.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    if not stopping.done() or stopping.exception() is not None:
        stopping.cancel()
        await kill_all_containers(data_dir)
