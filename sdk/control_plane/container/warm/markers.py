"""Lines in the container's log between which it is an execution's, on stdout and on stderr."""

from __future__ import annotations

import contextlib
import os

from control_plane.container.warm.leases import Lease

_STREAMS = (1, 2)
_MARKER = '\x1e{"control_plane_execution": "%s", "launch": %d, "at": "%s"}\n'


def mark_begin(lease: Lease) -> None:
    """Never raises."""
    _write(lease, "begin")


def mark_end(lease: Lease) -> None:
    """Never raises. It may follow a line that has no end."""
    _write(lease, "end")


def _write(lease: Lease, at: str) -> None:
    content = (_MARKER % (lease.execution_id, lease.launch, at)).encode()
    for descriptor in _STREAMS:
        with contextlib.suppress(OSError):
            # An execution may have set otherwise what it shares with us.
            os.set_blocking(descriptor, True)
            os.write(descriptor, content)
