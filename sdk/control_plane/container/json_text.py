"""JSON as the rest of the world reads it (RFC 8259): no NaN, no infinities, and nothing changed without a word."""

from __future__ import annotations

from json import dumps, loads
from math import isfinite
from typing import Any, Iterator, Tuple

_SAFE_LENGTH = 15  # a float keeps so many digits of any number that is not extremely large or small


class NumberIsLost(ValueError):
    """JSON has a number that a float cannot keep as it is written."""


def written(value: Any, *, name: str) -> str:
    """Raises TypeError, RecursionError and ValueError, which says where in the value something is no JSON."""
    try:
        text = dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise ValueError(_problem(value, name) or str(error)) from error
    for place, part in _parts(value, name):
        if isinstance(part, dict) and _loses_keys(part):
            raise ValueError("%s has two keys that are one in JSON, where every key is a string" % place)
    return text if _is_unicode(text) else dumps(value, allow_nan=False)


def read(text: str) -> Any:
    """Raises NumberIsLost, ValueError for what is no JSON, RecursionError."""
    return loads(text, parse_constant=_refuse_constant, parse_float=_kept)


def _problem(value: Any, name: str) -> str | None:
    """The first number that JSON does not have. None if there is none, and something else is wrong."""
    for place, part in _parts(value, name):
        numbers = [(place, part)]
        if isinstance(part, dict):
            numbers = [("a key of " + place, key) for key in part]
        for where, number in numbers:
            if isinstance(number, float) and not isfinite(number):
                return "%s is %r, which JSON does not have; None or a string may stand for it" % (where, number)
    return None


def _parts(value: Any, name: str) -> Iterator[Tuple[str, Any]]:
    """The value and all that is in it, with where it is. What holds itself is gone through once."""
    waiting = [(name, value)]
    seen = set()
    while waiting:
        place, part = waiting.pop()
        yield place, part
        if not isinstance(part, (dict, list, tuple)) or id(part) in seen:
            continue
        seen.add(id(part))
        items = part.items() if isinstance(part, dict) else enumerate(part)
        waiting += reversed([(place + _index(key), item) for key, item in items])


def _index(key: Any) -> str:
    return "[%s]" % (dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key))


def _loses_keys(mapping: dict[Any, Any]) -> bool:
    """Whether JSON writes two keys alike, as 1 and "1"."""
    if all(isinstance(key, str) for key in mapping):
        return False
    names = {dumps({key: 0}) for key in mapping}
    return len(names) < len(mapping)


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


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
