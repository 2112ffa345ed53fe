"""Reads a container's log file in pages. An offset is a position in bytes, as a decimal number."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from control_plane_server.domain.containers import LogPage
from control_plane_server.domain.errors import OffsetIsInvalid
from control_plane_server.provisioners.log_lines import MAX_PAGE_BYTES, take_lines

_LINE_SECONDS = 0.03  # Python without a buffer writes a line and its end one after the other
_OFFSET = re.compile(r"[0-9]{1,18}", re.ASCII)


def read_page(
    log: Path,
    offset: str | None,
    *,
    max_lines: int,
    is_complete: bool,
    pause: Callable[[float], None] = time.sleep,
) -> LogPage:
    """Raises OffsetIsInvalid. `is_complete`: nothing more will be written. The end of a line is waited for, a moment,
    by `pause`."""
    position = _position(offset)
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return LogPage(lines=(), next_offset=None)
    with file:
        lines, position, is_unfinished = _take(file, position, max_lines=max_lines, is_complete=is_complete)
        if is_unfinished and len(lines) < max_lines:
            pause(_LINE_SECONDS)
            rest, position, _ = _take(
                file, position, max_lines=max_lines - len(lines), is_complete=is_complete, shows_unfinished=True
            )
            lines += rest
    return LogPage(lines=lines, next_offset=str(position))


def _take(
    file: BinaryIO, position: int, *, max_lines: int, is_complete: bool, shows_unfinished: bool = False
) -> tuple[tuple[str, ...], int, bool]:
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
