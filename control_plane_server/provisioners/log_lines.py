"""Cuts what a container has written into the lines that clients get."""

from typing import BinaryIO, NamedTuple

_MAX_LINE_BYTES = 64 * 1024  # a longer line comes in pieces
MAX_PAGE_BYTES = 4 * 1024 * 1024


class TakenLine(NamedTuple):
    """`position`: of its first byte in the log."""

    text: str
    position: int


def take_lines(
    log: BinaryIO, *, max_lines: int, end: int, is_complete: bool, shows_unfinished: bool = False
) -> tuple[tuple[TakenLine, ...], int]:
    """Lines without their ends from the log's position on, and the position after them; nothing beyond `end` is begun.

    A carriage return ends a line too: what progress bars write over each other are lines, but for the empty ones. NUL
    is left out, what is not UTF-8 replaced. A last line without an end is a line if the log is complete or it
    `shows_unfinished`; what follows is then another one.
    """
    lines: list[TakenLine] = []
    position = log.tell()
    is_after_return = _is_after_return(log, position)
    while len(lines) < max_lines and position < end:
        line = _first_line(log.readline(_MAX_LINE_BYTES))
        has_end = line.endswith((b"\n", b"\r"))
        is_cut = len(line) == _MAX_LINE_BYTES
        if not has_end and (is_cut or not is_complete):
            line = _whole_characters(line)
            if not line or not (is_cut or shows_unfinished):
                break
        text = line.removesuffix(b"\n").removesuffix(b"\r") if has_end else line
        is_second_half = is_after_return and line == b"\n"
        if not is_second_half and (text or line.endswith(b"\n")):
            lines.append(TakenLine(text.replace(b"\0", b"").decode(errors="replace"), position))
        is_after_return = line.endswith(b"\r")
        position += len(line)
        log.seek(position)
    return tuple(lines), position


def _is_after_return(log: BinaryIO, position: int) -> bool:
    """Then a line feed is the second half of an end, whose line was taken."""
    if position == 0:
        return False
    log.seek(position - 1)
    return log.read(1) == b"\r"


def _first_line(line: bytes) -> bytes:
    """With its end: a line feed, a carriage return or both."""
    head, found, tail = line.partition(b"\r")
    if not found:
        return line
    return head + (b"\r\n" if tail == b"\n" else b"\r")


def _whole_characters(line: bytes) -> bytes:
    """The line, or, if it is a piece that ends inside a UTF-8 character, the piece up to that character."""
    for length in range(1, min(4, len(line) + 1)):
        lead = line[-length]
        if lead >= 0xC0:
            needed = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return line[:-length] if length < needed else line
        if lead < 0x80:
            break
    return line
