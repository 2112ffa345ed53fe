"""Inputs and outputs as trees, no larger than a page can show."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_MOST_NODES = 1_000
_MOST_CHILDREN = 100
_DEEPEST = 12
_LONGEST_TEXT = 1_000
_OPEN_UP_TO = 12  # children, of the two outermost levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`label`: its name in an object, its place in an array. `summary`: what is said of one that has children.
    `left_out`: how many more there are. `is_open`: whether its children are seen at first."""

    kind: str
    label: str | None = None
    text: str = ""
    summary: str = ""
    children: tuple["Node", ...] = ()
    left_out: int = 0
    is_open: bool = False


class _Number(str):
    """As it is written: no digit is lost."""

    __slots__ = ()


def tree_of(text: str) -> Node:
    """Of a JSON text; any other text is one node of the kind `text`."""
    try:
        value = json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
    except (ValueError, RecursionError):
        return Node(kind="text", text=shortened(text))
    return _Builder().node(None, value, depth=0)


def shortened(text: str, longest: int = _LONGEST_TEXT) -> str:
    """With how much is missing."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text) - longest:,} characters more)"


class _Builder:
    def __init__(self) -> None:
        self._left = _MOST_NODES

    def node(self, label: str | None, value: Any, *, depth: int) -> Node:
        self._left -= 1
        if isinstance(value, dict):
            return self._branch("object", label, value.items(), len(value), depth=depth)
        if isinstance(value, list):
            numbered = ((str(index), item) for index, item in enumerate(value))
            return self._branch("array", label, numbered, len(value), depth=depth)
        if isinstance(value, _Number):
            return Node(kind="number", label=label, text=shortened(value))
        if isinstance(value, str):
            return Node(kind="string", label=label, text=_quoted(value))
        if isinstance(value, bool):
            return Node(kind="boolean", label=label, text="true" if value else "false")
        return Node(kind="null", label=label, text="null")

    def _branch(self, kind: str, label: str | None, items: Iterable[tuple[str, Any]], size: int, *, depth: int) -> Node:
        children: list[Node] = []
        for name, item in items:
            if self._left <= 0 or len(children) == _MOST_CHILDREN or depth == _DEEPEST:
                break
            children.append(self.node(shortened(name, 200), item, depth=depth + 1))
        return Node(
            kind=kind,
            label=label,
            summary=_summary(kind, size),
            children=tuple(children),
            left_out=size - len(children),
            is_open=depth <= 1 and size <= _OPEN_UP_TO,
        )


def _quoted(text: str) -> str:
    cut = json.dumps(text[:_LONGEST_TEXT], ensure_ascii=False)
    return cut + shortened(text)[_LONGEST_TEXT:]


def _summary(kind: str, size: int) -> str:
    unit = "field" if kind == "object" else "item"
    return f"{size:,} {unit}{'' if size == 1 else 's'}"
