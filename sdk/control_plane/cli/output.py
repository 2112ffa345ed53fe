"""Where commands write: data to stdout, everything else to stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

from rich.cells import cell_len

from control_plane.cli.terminal import wants_style
from control_plane.cli.visible import visible, visible_line

_BOLD = "1"
_RED = "31"


def note(line: str) -> None:
    """Tell the user something that is no data."""
    _write(sys.stderr, visible(line))


def fail(line: str) -> None:
    _write(sys.stderr, _styled(f"control-plane: {visible(line)}", _RED, sys.stderr))


def print_line(text: str) -> None:
    """Data, and a line's end if it has none: as it is for programs, with nothing that is obeyed on a terminal."""
    _write(sys.stdout, visible(text) if sys.stdout.isatty() else text)


def print_json(document: object) -> None:
    """One line."""
    _write(sys.stdout, json.dumps(document))


def print_text(text: str) -> None:
    """For people, whatever stdout is."""
    _write(sys.stdout, visible(text))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    cells = [[visible_line(str(cell)) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    head, *lines = (
        "  ".join(cell + " " * (wide - cell_len(cell)) for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in (columns, *cells)
    )
    _write(sys.stdout, "\n".join([_styled(head, _BOLD, sys.stdout), *lines]))


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Names and values below each other."""
    pairs = list(fields)
    wide = max(len(name) for name, _ in pairs)
    _write(sys.stdout, "\n".join(f"{name:<{wide}}  {visible(str(value))}" for name, value in pairs))


def local_time(epoch_seconds: int | None) -> str:
    """To the second, in the time zone of this machine."""
    if epoch_seconds is None:
        return ""
    return datetime.fromtimestamp(epoch_seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _write(stream: TextIO, text: str) -> None:
    stream.write(text if text.endswith("\n") else text + "\n")
    stream.flush()


def _styled(text: str, style: str, stream: TextIO) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if stream.isatty() and wants_style() else text
