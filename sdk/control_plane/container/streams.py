"""stdin, stdout and stderr, whatever the user's code has made of them. Nothing here raises."""

from __future__ import annotations

import os
import sys

_STANDARD = (0, 1, 2)
STDERR = 2


def open_missing() -> None:
    """Opens each of the three descriptors that is closed: the next socket would get its number, and what is printed."""
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            _open_nothing()


def flush() -> None:
    """What cannot be written is given up, so that Python does not try again at its end and change the exit code."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except BaseException:  # it may be an object of the user's
            setattr(sys, name, None)


def write_error(text: str) -> None:
    """To the log, past whatever sys.stderr is by now."""
    content = text.encode("utf-8", "backslashreplace")
    try:
        while content:
            content = content[os.write(STDERR, content) :]
    except Exception:  # nothing that it could be kept for
        return


def _open_nothing() -> None:
    try:
        os.open(os.devnull, os.O_RDWR)
    except OSError:
        return
