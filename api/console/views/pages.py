"""Pages of a list that is read by where a page begins: which lead back is kept in the address."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.console import links
from api.console.views.filters import Pairs

_OFFSET, _NEWER = "offset", "newer"
_MOST_NEWER = 50  # as addresses have bounds; from further on the first page is a click away


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """None: there is no such page. `newest` is None on the first page."""

    newest: str | None
    newer: str | None
    older: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlace:
    """`offset`: where the page begins; None: with the newest. `newer`: where the pages before it do, an empty text for
    the first."""

    offset: str | None
    newer: tuple[str, ...]

    @classmethod
    def of(cls, fields: Sequence[tuple[str, str]]) -> "PagePlace":
        offsets = [value for name, value in fields if name == _OFFSET and value]
        newer = tuple(value for name, value in fields if name == _NEWER)
        return cls(offset=offsets[0] if offsets else None, newer=newer[-_MOST_NEWER:])

    def links(self, path: str, filters: Pairs, next_offset: str | None) -> PageLinks:
        """`filters`: those of the list, which hold for all its pages."""
        older = newer = None
        if next_offset is not None:
            older = _link(path, filters, next_offset, (*self.newer, self.offset or "")[-_MOST_NEWER:])
        if self.newer:
            newer = _link(path, filters, self.newer[-1], self.newer[:-1])
        is_first = self.offset is None
        return PageLinks(newest=None if is_first else links.with_query(path, filters), newer=newer, older=older)


def _link(path: str, filters: Pairs, offset: str, newer: Sequence[str]) -> str:
    place = [(_OFFSET, offset)] if offset else []
    return links.with_query(path, (*filters, *place, *((_NEWER, one) for one in newer)))
