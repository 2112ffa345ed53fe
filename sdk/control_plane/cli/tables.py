"""Tables that fit a terminal: what matters least is left out, and what may be cut is cut; nothing is ever wrapped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from control_plane.cli.visible import visible_line

_GAP = "  "
_ELLIPSIS = "…"


class Cell(NamedTuple):
    """`style`: of https://en.wikipedia.org/wiki/ANSI_escape_code#SGR, empty for none."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`rank`: those with the highest are left out first, those with 0 never. `narrowest`: to so many characters its
    cells may be cut; None: not at all, as an id or a date is of no use then."""

    name: str
    rank: int = 0
    narrowest: int | None = None


class Table(NamedTuple):
    head: list[str]
    rows: list[list[Cell]]


def fitted(columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]], *, width: int | None) -> Table:
    """What is left of it within the width (None: any), each cell filled up with spaces but the last of a row.

    Columns that hold nothing are left out.
    """
    cells = [[_cell(cell) for cell in row] for row in rows]
    kept = [index for index in range(len(columns)) if any(row[index].text for row in cells)]
    widths = {
        index: max([cell_len(columns[index].name), *(cell_len(row[index].text) for row in cells)]) for index in kept
    }
    if width is not None:
        _cut(columns, widths, width)
    head = [_filled(Cell(columns[index].name), widths[index]).text for index in widths]
    body = [[_filled(row[index], widths[index]) for index in widths] for row in cells]
    return Table(head, body)


def _cell(cell: Cell | str) -> Cell:
    found = Cell(cell) if isinstance(cell, str) else cell
    return found._replace(text=visible_line(found.text))


def _cut(columns: Sequence[Column], widths: dict[int, int], width: int) -> None:
    """Changes the widths, and leaves out columns, until they fit or nothing more can go."""
    while (excess := _total(widths) - width) > 0:
        room = {
            index: widths[index] - narrowest
            for index in widths
            if (narrowest := columns[index].narrowest) is not None and widths[index] > narrowest
        }
        least = max(widths, key=lambda index: columns[index].rank)
        if sum(room.values()) < excess and columns[least].rank > 0:
            del widths[least]
        elif room:
            roomiest = max(room, key=lambda index: room[index])
            widths[roomiest] -= min(excess, room[roomiest])
        else:
            return


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


def _filled(cell: Cell, wide: int) -> Cell:
    text = cut(cell.text, wide)
    return cell._replace(text=text + " " * (wide - cell_len(text)))


def cut(text: str, width: int) -> str:
    """At the most so wide; an ellipsis stands for the rest."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + _ELLIPSIS if width > 0 else ""
