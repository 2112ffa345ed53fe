"""When each part of a log file was written, and to which stream: records of 16 bytes, in a file beside the log.

A record says where a part begins, and its time and stream. It is written before its part.
"""

import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from control_plane_server.domain.containers import LogStream

_RECORD = struct.Struct("<QQ")  # the position; the time in milliseconds, doubled, and 1 more for stderr
_STREAMS = (LogStream.STDOUT, LogStream.STDERR)


class LogPart(NamedTuple):
    """`position`: of its first byte. `time_ms`: since 1970."""

    position: int
    time_ms: int
    stream: LogStream

    def to_bytes(self) -> bytes:
        return _RECORD.pack(self.position, 2 * self.time_ms + _STREAMS.index(self.stream))

    @classmethod
    def from_bytes(cls, record: bytes) -> "LogPart":
        position, rest = _RECORD.unpack(record)
        return cls(position, rest // 2, _STREAMS[rest % 2])


def times_file_of(log: Path) -> Path:
    return log.with_name(f"{log.name}.times")


class LogTimes:
    """The records of a log, looked up without reading them all. A log of a release before has none."""

    def __init__(self, log: Path) -> None:
        self._file = times_file_of(log)

    def of(self, positions: Sequence[int]) -> list[tuple[int | None, LogStream | None]]:
        """The time and stream of the part in which each position lies."""
        with _Records(self._file) as records:
            found: list[tuple[int | None, LogStream | None]] = []
            for position in positions:
                number = bisect_right(records, position, key=lambda part: part.position)
                part = records[number - 1] if number else None
                found.append((None, None) if part is None else (part.time_ms, part.stream))
            return found

    def first_position(self, since_ms: int) -> int | None:
        """Where the first part begins that was written then or later; None if there is none. 0 without records."""
        with _Records(self._file) as records:
            if not records:
                return 0
            number = bisect_left(records, since_ms, key=lambda part: part.time_ms)
            return records[number].position if number < len(records) else None


class _Records(Sequence[LogPart]):
    """What the file holds, as it was opened."""

    def __init__(self, file: Path) -> None:
        try:
            self._descriptor = os.open(file, os.O_RDONLY)
        except FileNotFoundError:
            self._descriptor = -1

    def __enter__(self) -> "_Records":
        self._length = 0 if self._descriptor < 0 else os.fstat(self._descriptor).st_size // _RECORD.size
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> LogPart:  # type: ignore[override]  # no slices
        return LogPart.from_bytes(os.pread(self._descriptor, _RECORD.size, number * _RECORD.size))
