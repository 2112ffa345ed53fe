"""Lines of logs as terminals colour them: escape sequences become classes, all else is text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A control sequence, whose parameters and last letter are kept; a string such as a title; any other escape.
_ESCAPE = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|[\]P^_X].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~]?)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_STYLES = {1: "bold", 2: "dim", 3: "italic", 4: "underlined"}
_WITHOUT = {22: ("bold", "dim"), 23: ("italic",), 24: ("underlined",)}
_PALETTE, _RGB = 5, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`classes`: for CSS, separated by blanks; empty: as all text."""

    text: str
    classes: str = ""


def spans_of(line: str) -> tuple[Span, ...]:
    """The line without what cannot be seen. Of what a carriage return has overwritten, the last is shown."""
    shown = line.rstrip("\r").rpartition("\r")[2]
    return tuple(_spans(shown))


def plain(line: str) -> str:
    """The text of `spans_of`."""
    return "".join(span.text for span in spans_of(line))


def _spans(line: str) -> Iterator[Span]:
    style = _Style()
    begin = 0
    for escape in _ESCAPE.finditer(line):
        yield from style.span(line[begin : escape.start()])
        begin = escape.end()
        if escape[2] == "m":
            style.change(escape[1])
    yield from style.span(line[begin:])


class _Style:
    def __init__(self) -> None:
        self._styles: list[str] = []
        self._foreground: str | None = None
        self._background: str | None = None

    def span(self, text: str) -> Iterator[Span]:
        shown = _CONTROL.sub("", text)
        if not shown:
            return
        colours = [f"ansi-{self._foreground}"] if self._foreground else []
        if self._background:
            colours.append(f"ansi-on-{self._background}")
        yield Span(
            text=shown, classes=" ".join([*(f"ansi-{style}" for style in dict.fromkeys(self._styles)), *colours])
        )

    def change(self, parameters: str) -> None:
        """By those of a sequence that selects how text is shown; what is not known changes nothing."""
        codes = iter([int(code) if code.isdecimal() else 0 for code in re.split("[;:]", parameters)])
        for code in codes:
            if code == 0:
                self._styles, self._foreground, self._background = [], None, None
            elif code in _STYLES:
                self._styles.append(_STYLES[code])
            elif code in _WITHOUT:
                self._styles = [style for style in self._styles if style not in _WITHOUT[code]]
            elif code in (38, 48):
                self._choose(code, _extended(codes))
            else:
                self._colour(code)

    def _colour(self, code: int) -> None:
        tens, colour = divmod(code, 10)
        if tens in (3, 9) and colour < len(_COLOURS):
            self._foreground = _COLOURS[colour]
        elif tens in (4, 10) and colour < len(_COLOURS):
            self._background = _COLOURS[colour]
        elif code == 39:
            self._foreground = None
        elif code == 49:
            self._background = None

    def _choose(self, code: int, colour: str | None) -> None:
        if code == 38:
            self._foreground = colour
        else:
            self._background = colour


def _extended(codes: Iterator[int]) -> str | None:
    """Of the palette the first sixteen; pages have no other colours."""
    kind = next(codes, None)
    if kind == _RGB:
        for _ in range(3):
            next(codes, None)
        return None
    if kind != _PALETTE:
        return None
    number = next(codes, 16)
    return _COLOURS[number % 8] if number < 16 else None
