"""A copy of a warm container's process that is made in advance, while that is idle, and waits for its lease."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys

from control_plane.container.warm.handing_over import ReportPipe
from control_plane.container.warm.leases import Lease

_PIECE_BYTES = 4_096


class Leased(Exception):
    """Raised in the copy, once it has been given what it is to run: nothing that its parent was about is its own."""

    def __init__(self, lease: Lease, folder: str | None, begin: float, reports: ReportPipe) -> None:
        super().__init__()
        self.lease = lease
        self.folder = folder
        self.begin = begin
        self.reports = reports


class Spare:
    """As its parent sees it. It is used once."""

    def __init__(self, process_id: int, writer: int, reports: ReportPipe) -> None:
        self.id = process_id
        self.reports = reports
        self._writer = writer

    def give(self, lease: Lease, folder: str | None, begin: float) -> bool:
        """Let it run this, which began at that moment of the machine's clock. False if it has died meanwhile."""
        try:
            found_id, _ = os.waitpid(self.id, os.WNOHANG)
            if found_id != self.id:
                os.write(self._writer, json.dumps([*lease, folder, begin]).encode())
                return True
        except BrokenPipeError:  # it has died just now
            os.waitpid(self.id, 0)
        finally:
            os.close(self._writer)
        self.reports.close()
        return False

    def end(self) -> None:
        """It runs nothing."""
        os.close(self._writer)
        self.reports.close()
        with contextlib.suppress(OSError):
            os.kill(self.id, signal.SIGKILL)
            os.waitpid(self.id, 0)


def can_be_made() -> bool:
    """What a thread of the user's changes in this process, an execution should find as it is when it begins."""
    threading = sys.modules.get("threading")
    return threading is None or threading.active_count() == 1


def wait_for_lease(reader: int, reports: ReportPipe) -> Leased:
    """In the copy. It ends here if there is none."""
    content = b""
    while piece := os.read(reader, _PIECE_BYTES):
        content += piece
    os.close(reader)
    if not content:
        os._exit(0)
    *lease, folder, begin = json.loads(content)
    return Leased(Lease(*lease), folder, begin, reports)
