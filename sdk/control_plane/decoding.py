"""Reads JSON without changing anything in silence: no constants that are no JSON, no number that loses digits."""

from __future__ import annotations

from json import loads
from typing import Any

_SAFE_LENGTH = 15  # a float keeps so many digits of any number that is not extremely large or small


class NumberIsLost(ValueError):
    """JSON has a number that a float cannot keep as it is written."""


def decode(text: str) -> Any:
    """Raises NumberIsLost, ValueError for what is no JSON, RecursionError."""
    return loads(text, parse_constant=_refuse_constant, parse_float=_kept)


def output_value(output: str | None, *, is_text: bool | None = None) -> Any:
    """What a function returned: they report JSON. A command's output is text, which `is_text` says.

    Where nobody knows which it is, None, it is text if it is no JSON. Raises NumberIsLost, and ValueError for a
    function's output that is no JSON.
    """
    if output is None or is_text:
        return output
    try:
        return decode(output)
    except NumberIsLost:
        raise
    except (ValueError, RecursionError):
        if is_text is None:
            return output
        raise


def _refuse_constant(name: str) -> Any:
    raise ValueError("%s is no JSON; null or a string may stand for it" % name)


def _kept(number: str) -> float:
    """The number, if Python writes the float that it makes with the same digits: as few as are needed, or as many as
    there were. Raises NumberIsLost."""
    kept = float(number)
    if len(number) <= _SAFE_LENGTH and "e" not in number.lower():
        return kept
    digits = _digits(number)
    if digits not in (_digits("%r" % kept), _digits("%.*e" % (max(0, len(digits) - 1), kept))):
        raise NumberIsLost("a float cannot keep the number %s; write it as a string" % _shortened(number))
    return kept


def _digits(number: str) -> str:
    """The significant ones."""
    return number.lower().lstrip("-").partition("e")[0].replace(".", "").strip("0")


def _shortened(digits: str) -> str:
    return digits if len(digits) <= 40 else digits[:40] + "…"
