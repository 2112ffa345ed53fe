"""Reads a container's log file in pages. An offset is a position in bytes, as a decimal number."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from control_plane_server.domain.containers import FIRST_LINE, LogEntry, LogPage, LogStart
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.provisioners.log_lines import MAX_PAGE_BYTES, TakenLine, take_lines
from control_plane_server.provisioners.process.log_times import LogTimes

_LINE_SECONDS = 0.03  # Python without a buffer writes a line and its end one after the other
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BLOCK = 1_024 * 1_024
_LONGEST_REST = 64 * 1_024
_OFFSET = re.compile(r"[0-9]{1,18}", re.ASCII)


def read_page(
    log: Path,
    offset: str | None,
    *,
    max_lines: int,
    is_complete: bool,
    start: LogStart = FIRST_LINE,
    pause: Callable[[float], None] = time.sleep,
) -> LogPage:
    """Raises OffsetIsInvalid. `is_complete`: nothing more will be written. The end of a line is waited for, a moment,
    by `pause`."""
    position = _position(offset)
    times = LogTimes(log)
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return LogPage(entries=(), next_offset=None)
    with file:
        if offset is None:
            position = _start(file, times, start)
        lines, position, is_unfinished = _take(file, position, max_lines=max_lines, is_complete=is_complete)
        if is_unfinished and len(lines) < max_lines:
            pause(_LINE_SECONDS)
            rest, position, _ = _take(
                file, position, max_lines=max_lines - len(lines), is_complete=is_complete, shows_unfinished=True
            )
            lines += rest
    return LogPage(
        entries=tuple(
            LogEntry(line=line.text, time_ms=time_ms, stream=stream)
            for line, (time_ms, stream) in zip(lines, times.of([line.position for line in lines]), strict=True)
        ),
        next_offset=str(position),
    )


def _start(file: BinaryIO, times: LogTimes, start: LogStart) -> int:
    position = 0 if start.since_ms is None else _start_since(file, times, start.since_ms)
    return position if start.tail is None else max(position, _start_of_last(file, start.tail))


def _start_since(file: BinaryIO, times: LogTimes, since_ms: int) -> int:
    """The first beginning of a line that was written then or later; within a line that goes on for long."""
    position = times.first_position(since_ms)
    if position is None:
        return file.seek(0, 2)
    if position > 0:
        file.seek(position - 1)
        end_of_line = _LINE_END.search(file.read(1 + _LONGEST_REST))
        if end_of_line is not None:  # at once, or after the rest of a line that was written in pieces
            return position - 1 + end_of_line.end()
    return position


def _start_of_last(file: BinaryIO, lines: int) -> int:
    """The beginning of the last lines, found from the end on, a megabyte at a time."""
    position = size = file.seek(0, 2)
    wanted = lines
    while position > 0:
        end, position = position, max(0, position - _BLOCK)
        first = max(0, position - 1)  # an end of two bytes may lie across
        file.seek(first)
        found = (first + end_of_line.end() for end_of_line in _LINE_END.finditer(file.read(end + 1 - first)))
        ends = [one for one in found if position < one <= end and one != size]
        if len(ends) >= wanted:
            return ends[-wanted]
        wanted -= len(ends)
    return 0


def _take(
    file: BinaryIO, position: int, *, max_lines: int, is_complete: bool, shows_unfinished: bool = False
) -> tuple[tuple[TakenLine, ...], int, bool]:
    """Lines, the position after them, and whether something unfinished was left. Raises OffsetIsInvalid."""
    size = file.seek(0, 2)
    if position > size:
        raise OffsetIsInvalid
    file.seek(position)
    end = min(size, position + MAX_PAGE_BYTES)
    lines, position = take_lines(
        file, max_lines=max_lines, end=end, is_complete=is_complete, shows_unfinished=shows_unfinished
    )
    return lines, position, position < end


def _position(offset: str | None) -> int:
    if offset is None:
        return 0
    if _OFFSET.fullmatch(offset) is None:
        raise OffsetIsInvalid
    return int(offset)
