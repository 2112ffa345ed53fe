"""Reads a container's log file in pages. An offset is a position in bytes, as a decimal number."""

import re
from pathlib import Path

from domain.containers import LogPage
from domain.errors import OffsetIsInvalid
from provisioners.log_lines import MAX_PAGE_BYTES, take_lines

_OFFSET = re.compile(r"[0-9]{1,18}", re.ASCII)


def read_page(log: Path, offset: str | None, *, max_lines: int, is_complete: bool) -> LogPage:
    """Raises OffsetIsInvalid. `is_complete`: nothing more will be written."""
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
        end = min(size, position + MAX_PAGE_BYTES)
        lines, position = take_lines(file, max_lines=max_lines, end=end, is_complete=is_complete)
    return LogPage(lines=lines, next_offset=str(position))


def _position(offset: str | None) -> int:
    if offset is None:
        return 0
    if _OFFSET.fullmatch(offset) is None:
        raise OffsetIsInvalid
    return int(offset)
