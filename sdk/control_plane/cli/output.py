"""Where commands write: data to stdout, everything else to stderr."""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

from rich.cells import cell_len

from control_plane.cli.shortening import shortened
from control_plane.cli.tables import Cell, Column, cut, fitted
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
    """Data, and a line's end if it has none: as it is for programs; on a terminal nothing in it is obeyed, and it is
    cut if it is long."""
    _write(sys.stdout, visible(shortened(text)) if sys.stdout.isatty() else text)


def print_raw(text: str) -> None:
    """Data for a pipe, to the character; on a terminal as `print_line`."""
    if sys.stdout.isatty():
        print_line(text)
        return
    sys.stdout.write(text)
    sys.stdout.flush()


def print_json(document: object) -> None:
    """One line."""
    _write(sys.stdout, json.dumps(document))


def print_text(text: str) -> None:
    """For people, whatever stdout is."""
    _write(sys.stdout, visible(text))


def print_table(columns: Sequence[Column | str], rows: Iterable[Sequence[Cell | object]]) -> None:
    """On a terminal, as much of it as fits; elsewhere all. Nothing if there are no rows."""
    cells = [[cell if isinstance(cell, Cell) else Cell(str(cell)) for cell in row] for row in rows]
    if not cells:
        return
    known = [column if isinstance(column, Column) else Column(name=column) for column in columns]
    table = fitted(known, cells, width=terminal_width())
    head = _styled("  ".join(table.head).rstrip(), _BOLD, sys.stdout)
    rows_ = ("  ".join(_styled(cell.text, cell.style, sys.stdout) for cell in row).rstrip() for row in table.rows)
    _write(sys.stdout, "\n".join([head, *rows_]))


def print_cells(cells: Sequence[Cell]) -> None:
    """One line, cut at the edge of a terminal."""
    width = terminal_width()
    line = ""
    for cell in cells:
        text = visible_line(cell.text)
        if width is not None:
            text = cut(text, width)
            width -= cell_len(text)
        line += _styled(text, cell.style, sys.stdout)
    _write(sys.stdout, line)


def terminal_width() -> int | None:
    """Of stdout, in characters. None where it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_fields(fields: Iterable[tuple[str, Cell | object]]) -> None:
    """Names and values below each other; further lines of a value below its first."""
    pairs = [(name, value if isinstance(value, Cell) else Cell(str(value))) for name, value in fields]
    wide = max(len(name) for name, _ in pairs)
    lines = []
    for name, value in pairs:
        text = visible(value.text).replace("\n", "\n" + " " * (wide + 2))
        lines.append(f"{name:<{wide}}  {_styled(text, value.style, sys.stdout)}")
    _write(sys.stdout, "\n".join(lines))


def local_time(epoch_seconds: int | None) -> str:
    """To the second, in the time zone of this machine."""
    if epoch_seconds is None:
        return ""
    return datetime.fromtimestamp(epoch_seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def local_milliseconds(epoch_milliseconds: int | None) -> str:
    """The same to the millisecond."""
    if epoch_milliseconds is None:
        return ""
    return f"{local_time(epoch_milliseconds // 1_000)}.{epoch_milliseconds % 1_000:03}"


def _write(stream: TextIO, text: str) -> None:
    stream.write(text if text.endswith("\n") else text + "\n")
    stream.flush()


def _styled(text: str, style: str, stream: TextIO) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style and stream.isatty() and wants_style() else text
