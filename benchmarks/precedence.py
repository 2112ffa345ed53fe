"""Who has the processor first where many want it."""

from collections.abc import Iterable
from pathlib import Path

import psutil

_NICENESS = 10  # about a tenth of the weight of a session that does not give way


def let_give_way(processes: Iterable[psutil.Process]) -> None:
    """Of sessions of their own. Does nothing where the kernel does not schedule sessions as groups (sched(7), "The
    autogroup feature"): there it shares the processor among threads."""
    for process in processes:
        group = Path(f"/proc/{process.pid}/autogroup")
        if group.exists():
            group.write_text(str(_NICENESS))
