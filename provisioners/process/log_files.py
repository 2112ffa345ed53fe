"""Reads a worker's log file in pages. An offset is a position in bytes, as a decimal number."""

import re
from pathlib import Path

from domain.errors import OffsetIsInvalid
from domain.workers import LogPage

_OFFSET = re.compile(r"[0-9]{1,18}", re.ASCII)
_MAX_LINE_BYTES = 64 * 1024  # a longer line comes in pieces
_MAX_PAGE_BYTES = 4 * 1024 * 1024


def read_page(log: Path, offset: str | None, *, max_lines: int, is_complete: bool) -> LogPage:
    """Lines without their ends, NUL left out, what is not UTF-8 replaced.

    A last line without an end is a line only if the log is complete. Raises OffsetIsInvalid.
    """
    position = _position(offset)
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return LogPage(lines=(), next_offset=None)
    with file:
        size = file.seek(0, 2)
        if position > size:
            raise OffsetIsInvalid
        file.seek(position)
        lines: list[str] = []
        end = min(size, position + _MAX_PAGE_BYTES)
        while len(lines) < max_lines and position < end:
            line = _whole_characters(file.readline(_MAX_LINE_BYTES))
            if not (line.endswith(b"\n") or is_complete or len(line) > _MAX_LINE_BYTES - 4):
                break
            lines.append(line.removesuffix(b"\n").replace(b"\0", b"").decode(errors="replace"))
            position += len(line)
            file.seek(position)
    return LogPage(lines=tuple(lines), next_offset=str(position))


def _position(offset: str | None) -> int:
    if offset is None:
        return 0
    if _OFFSET.fullmatch(offset) is None:
        raise OffsetIsInvalid
    return int(offset)


def _whole_characters(line: bytes) -> bytes:
    """The line, or, if it is a piece that ends inside a UTF-8 character, the piece up to that character."""
    if len(line) < _MAX_LINE_BYTES:
        return line
    for length in range(1, 4):
        if line[-length] >= 0xC0:
            return line[:-length]
        if line[-length] < 0x80:
            break
    return line
