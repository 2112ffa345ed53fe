"""Tells what this process has used up from what is wrong elsewhere."""

from __future__ import annotations

import errno
import os

_LACKS = {
    errno.EMFILE: "no file descriptor left",
    errno.ENFILE: "no file descriptor left on its machine",
    errno.ENOMEM: "no memory left",
    errno.ENOBUFS: "no memory left",
}


def exhausted(error: BaseException) -> str | None:
    """What there is no more of, in words; None if that is not what the error is about.

    Whoever looks a host's name up without a descriptor hears that the name server does not answer: so one is tried for.
    """
    if isinstance(error, MemoryError):
        return _LACKS[errno.ENOMEM]
    if not isinstance(error, OSError):
        return None
    return _LACKS.get(error.errno or 0) or _tried()


def _tried() -> str | None:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return _LACKS.get(error.errno or 0)
    return None
