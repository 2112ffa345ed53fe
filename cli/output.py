"""Where commands write: data to stdout, everything else to stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

# soft_wrap by hand at each print: URLs and commands must survive being copied from a narrow terminal.
data = Console(highlight=False)
notes = Console(stderr=True, highlight=False)
# So wide that nothing in a table is ever wrapped or cut.
_tables = Console(highlight=False, width=1_000_000)


def note(line: str) -> None:
    """Tell the user something that is no data, in one line, as it is."""
    notes.print(line, markup=False, soft_wrap=True)


def fail(line: str) -> None:
    notes.print(f"control-plane: {line}", markup=False, soft_wrap=True, style="red")


def print_line(text: str) -> None:
    """Data as it is, whatever is in it, and a line's end if it has none."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def print_json(document: object) -> None:
    """One line."""
    print_line(json.dumps(document))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    if table.row_count:
        _tables.print(table)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Names and values below each other."""
    pairs = list(fields)
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        data.print(f"{name:<{width}}  {value}", markup=False, soft_wrap=True)


def local_time(epoch_seconds: int | None) -> str:
    """To the second, in the time zone of this machine."""
    if epoch_seconds is None:
        return ""
    return datetime.fromtimestamp(epoch_seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
