"""Who has the processor first where many want it."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import psutil

from control_plane_server.cli.stack.polling import poll_until

_NICENESS = 10  # about a tenth of the weight of a session that does not give way


async def let_give_way(processes: Iterable[psutil.Process]) -> None:
    """Of sessions of their own. Does nothing where the kernel does not schedule sessions as groups (sched(7), "The
    autogroup feature"): there it shares the processor among threads."""
    for process in processes:
        await poll_until(partial(_is_lowered, process))


async def _is_lowered(process: psutil.Process) -> bool:
    """Who is not root may change one session in a tenth of a second."""
    try:
        _lower(Path(f"/proc/{process.pid}/autogroup"))
    except BlockingIOError:
        return False
    return True


def _lower(group: Path) -> None:
    if group.exists():
        group.write_text(str(_NICENESS))
