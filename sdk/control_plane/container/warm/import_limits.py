"""An import that hangs ends its container, after the log has where it was."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
from typing import Iterator

from control_plane.container import streams
from control_plane.protocol.bounds import IMPORT_TOOK_TOO_LONG

_SAID = "(The import of the module took longer than %g s: this container ends. Above: where it was.)\n"


@contextlib.contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """If the block takes longer, and leaves Python a moment now and then, the process ends. Its thread does not outlive
    the block, as copies of the process have none."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _end, (seconds,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _end(seconds: float) -> None:
    with contextlib.suppress(Exception):
        faulthandler.dump_traceback(streams.STDERR, all_threads=True)
        streams.write_error(_SAID % seconds)
    os._exit(IMPORT_TOOK_TOO_LONG)
