"""Parses JSON of bounded cost: its brackets are counted first, as parsing a megabyte of them takes far longer."""

import json
import re
from collections.abc import Callable
from itertools import accumulate
from typing import Any

# The deepest legal body has some ten levels.
MAX_DEPTH = 64
# Brackets, braces, commas, colons and strings, each. A version of a thousand functions has some 50,000 of them.
MAX_ELEMENTS = 250_000

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^][{}]+")
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def parse_json(body: bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """As `json.loads`. Raises json.JSONDecodeError alone, also for too deep nesting, too many elements, wrong encodings
    and numbers with too many digits."""
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        _check_cost(text)
        return json.loads(text, parse_constant=parse_constant)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise _malformed(str(error)) from error


def _check_cost(text: str) -> None:
    """First by counts that include strings, and so are never too low; if they exceed a limit, without strings."""
    opened = text.count("[") + text.count("{")
    if opened <= MAX_DEPTH and opened + text.count(",") + text.count(":") <= MAX_ELEMENTS:
        return
    structure, strings = _STRING.subn("", text, count=MAX_ELEMENTS + 1)
    elements = sum(map(structure.count, "[{,:"))
    if strings > MAX_ELEMENTS or elements > MAX_ELEMENTS:
        raise _malformed(f"there are more than {MAX_ELEMENTS:,} elements")
    if max(accumulate(map(_STEPS.__getitem__, _NOT_BRACKETS.sub("", structure))), default=0) > MAX_DEPTH:
        raise _malformed(f"it is nested more than {MAX_DEPTH} deep")


def _malformed(problem: str) -> json.JSONDecodeError:
    return json.JSONDecodeError(problem, "", 0)
