"""stdout and stderr that a command may write to whatever has become of them.

A closed pipe, a full disk, a terminal that is gone or knows few characters: nothing is raised, by us or by a library,
and the command ends as it would have. What could not be written to stdout is known afterwards.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_ESCAPED = "control-plane-escaped"
_STANDARD = (0, 1, 2)


def guard_streams() -> None:
    """Both, for the rest of this process."""
    closed = _open_what_is_closed()
    codecs.register_error(_ESCAPED, _escaped)
    sys.stdout = _text(_Guarded(1, closed.get(1)), sys.stdout)
    sys.stderr = _text(_Guarded(2, closed.get(2)), sys.stderr)
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - as long as the process


def is_unread() -> bool:
    """Whether stdout's reader has gone: they have what they want."""
    trouble = _trouble()
    return trouble is not None and trouble.errno == errno.EPIPE


def loss() -> str | None:
    """Why what went to stdout did not arrive, although somebody wanted it."""
    trouble = _trouble()
    return None if trouble is None or trouble.errno == errno.EPIPE else str(trouble.strerror)


def is_writing() -> bool:
    """Whether this process is just waiting for somebody to read what it writes."""
    return any(isinstance(raw, _Guarded) and raw.is_writing for raw in map(_raw, (sys.stdout, sys.stderr)))


class _Guarded(io.RawIOBase):
    def __init__(self, number: int, trouble: OSError | None) -> None:
        super().__init__()
        self.trouble = trouble
        self.is_writing = False
        self._number = number

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def write(self, data: ReadableBuffer, /) -> int:
        self.is_writing = True
        try:
            return self._write(memoryview(data))
        except BaseException:  # a signal's: nobody waits any longer, and the end of the process does not wait again
            self.trouble = BrokenPipeError(errno.EPIPE, "interrupted")
            raise
        finally:
            self.is_writing = False

    def _write(self, data: memoryview) -> int:
        while self.trouble is None:
            try:
                return os.write(self._number, data)
            except BlockingIOError:  # somebody who has the same terminal or pipe wants it so
                select.select((), (self._number,), ())
            except OSError as error:
                self.trouble = error
        return data.nbytes


def _trouble() -> OSError | None:
    raw = _raw(sys.stdout)
    return raw.trouble if isinstance(raw, _Guarded) else None


def _raw(stream: TextIO) -> object:
    return getattr(getattr(stream, "buffer", None), "raw", None)


def _open_what_is_closed() -> dict[int, OSError]:
    """Else the next file that is opened, or a connection, would be taken for a standard stream."""
    closed = {}
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError as error:
            closed[number] = error
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    return closed


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """A character that the terminal does not know, as JSON writes it: so what is JSON stays it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _text(raw: _Guarded, replaced: TextIO | None) -> io.TextIOWrapper:
    encoding = "utf-8" if replaced is None else replaced.encoding
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors=_ESCAPED, line_buffering=True)
