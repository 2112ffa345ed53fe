"""Shortens the problems of an invalid request, and makes them valid JSON and UTF-8: problems repeat their input, which
may be neither, and may be long."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_PROBLEMS = 20
MAX_INPUT_CHARACTERS = 200
MAX_BYTES = 64 * 1024  # of all of them
_MAX_TEXT_CHARACTERS = 1_000  # of a problem's other texts
_MAX_PLACES = 10
_FRAME_BYTES = 100  # around all of them
_MAX_DEPTH = 20
HIDDEN = "(not shown)"
_HIDDEN_FIELDS = frozenset(("environment", "secrets"))  # of a function; a value may stand there by mistake

Problem = Mapping[str, Any]


def presentable_problems(problems: Sequence[Problem], *, shows_input: bool = True) -> list[dict[str, Any]]:
    """The first 20 of them, in FastAPI's form, 64 KiB in all; each `input` has 200 characters at most, and nothing of
    what stands in a field whose values are nobody else's concern."""
    shown: list[dict[str, Any]] = []
    left = MAX_BYTES - _FRAME_BYTES
    for problem in problems[:MAX_PROBLEMS]:
        presentable = _presentable_problem(problem, shows_input=shows_input)
        left -= len(json.dumps(presentable, ensure_ascii=False).encode())
        if shown and left < 0:
            break
        shown.append(presentable)
    return shown


def _presentable_problem(problem: Problem, *, shows_input: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": problem["type"], "loc": [_place(place) for place in problem["loc"][:_MAX_PLACES]]}
    shown["msg"] = _text(problem["msg"], _MAX_TEXT_CHARACTERS)
    shown["input"] = HIDDEN
    if not shows_input or _HIDDEN_FIELDS.intersection(problem["loc"]):
        return shown
    shown["input"] = _input(problem.get("input"))
    if "ctx" in problem:  # an exception in it is that of a check of ours: its text is in `msg` already
        shown["ctx"] = {
            name: {} if isinstance(value, Exception) else _input(value) for name, value in problem["ctx"].items()
        }
    return shown


def _place(place: str | int) -> str | int:
    return _text(place, MAX_INPUT_CHARACTERS) if isinstance(place, str) else place


def _input(value: object) -> object:
    """The value, or the beginning of its text if it is long."""
    if isinstance(value, (str, bytes)):
        return _text(value, MAX_INPUT_CHARACTERS)
    budget = MAX_INPUT_CHARACTERS
    pieces = []
    for piece in _written(value, 0):  # no more of it than is shown: it may be of any size
        pieces.append(piece[: budget + 1])
        budget -= len(piece)
        if budget < 0:
            return _text("".join(pieces), MAX_INPUT_CHARACTERS)
    return json.loads("".join(pieces))


def _written(value: object, depth: int) -> Iterator[str]:
    """Its JSON, piece by piece."""
    if depth > _MAX_DEPTH:
        yield '"…"'
    elif isinstance(value, dict):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield (", " if number else "") + _quoted(str(key)) + ": "
            yield from _written(HIDDEN if key in _HIDDEN_FIELDS else item, depth + 1)
        yield "}"
    elif isinstance(value, (list, tuple)):
        yield "["
        for number, item in enumerate(value):
            yield ", " if number else ""
            yield from _written(item, depth + 1)
        yield "]"
    elif isinstance(value, (str, bytes)):
        yield _quoted(value)
    elif isinstance(value, float):
        yield json.dumps(value if math.isfinite(value) else str(value))
    elif value is None or isinstance(value, int):
        yield json.dumps(value)
    else:
        yield "{}"


def _quoted(text: str | bytes) -> str:
    return json.dumps(_text(text, 2 * MAX_INPUT_CHARACTERS), ensure_ascii=False)


def _text(text: str | bytes, longest: int) -> str:
    """The text as valid UTF-8, cut to `longest` characters, with an ellipsis at the end if it was cut."""
    beginning = text[: 4 * longest + 1]
    encoded = beginning.encode(errors="replace") if isinstance(beginning, str) else beginning
    shown = encoded.decode(errors="replace")
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
