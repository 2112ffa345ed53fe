"""Cuts what a container has written into the lines that clients get."""

from typing import BinaryIO

_MAX_LINE_BYTES = 64 * 1024  # a longer line comes in pieces
MAX_PAGE_BYTES = 4 * 1024 * 1024


def take_lines(log: BinaryIO, *, max_lines: int, end: int, is_complete: bool) -> tuple[tuple[str, ...], int]:
    """Lines without their ends from the log's position on, and the position after them; nothing beyond `end` is begun.

    NUL is left out, what is not UTF-8 replaced. A last line without an end is a line only if the log is complete.
    """
    lines: list[str] = []
    position = log.tell()
    while len(lines) < max_lines and position < end:
        line = _whole_characters(log.readline(_MAX_LINE_BYTES))
        if not (line.endswith(b"\n") or is_complete or len(line) > _MAX_LINE_BYTES - 4):
            break
        lines.append(line.removesuffix(b"\n").replace(b"\0", b"").decode(errors="replace"))
        position += len(line)
        log.seek(position)
    return tuple(lines), position


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
