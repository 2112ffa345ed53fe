"""Tables that fit a terminal: what matters least is left out, and what may be cut is cut; nothing is ever wrapped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from control_plane.cli.visible import visible_line

_GAP = "  "
_ELLIPSIS = "…"
_LUXURY = 7


class Cell(NamedTuple):
    """`style`: of https://en.wikipedia.org/wiki/ANSI_escape_code#SGR, empty for none."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`rank`: those with the highest are left out first, those with 0 never. `narrowest`: to so many characters its
    cells may be cut; None: not at all, as an id or a date is of no use then. `comfortable`: so many are worth more than
    columns whose rank is a luxury."""

    name: str
    rank: int = 0
    narrowest: int | None = None
    comfortable: int | None = None

    def least(self, *, is_comfortable: bool) -> int | None:
        """To how many characters its cells may be cut."""
        return self.comfortable if is_comfortable and self.comfortable is not None else self.narrowest


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
    least = {index: columns[index].least(is_comfortable=True) for index in widths}
    _leave_out(columns, widths, least, width, ranked=_LUXURY)
    if _excess(widths, width) > _room(widths, least):
        least = {index: columns[index].least(is_comfortable=False) for index in widths}
        _leave_out(columns, widths, least, width, ranked=1)
    while (excess := _excess(widths, width)) > 0 and _room(widths, least) > 0:
        roomiest = max(widths, key=lambda index: widths[index] - (least[index] or widths[index]))
        widths[roomiest] -= min(excess, widths[roomiest] - (least[roomiest] or 0))


def _leave_out(
    columns: Sequence[Column], widths: dict[int, int], least: Mapping[int, int | None], width: int, *, ranked: int
) -> None:
    """One by one of those that are ranked so or higher, until cutting what is left is enough."""
    while _excess(widths, width) > _room(widths, least):
        index = max(widths, key=lambda index: columns[index].rank)
        if columns[index].rank < ranked:
            return
        del widths[index]


def _room(widths: Mapping[int, int], least: Mapping[int, int | None]) -> int:
    """By how much all together may be cut."""
    return sum(max(wide - (least[index] or wide), 0) for index, wide in widths.items())


def _excess(widths: Mapping[int, int], width: int) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1) - width


def _filled(cell: Cell, wide: int) -> Cell:
    text = cut(cell.text, wide)
    return cell._replace(text=text + " " * (wide - cell_len(text)))


def cut(text: str, width: int) -> str:
    """At the most so wide; an ellipsis stands for the rest."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + _ELLIPSIS if width > 0 else ""
