"""Writes results, progress and arguments as JSON that everybody reads (RFC 8259), the same wherever they are written.

What comes back is plain JSON: a date is a string then, a dataclass an object. Nothing is changed without a word: NaN,
infinities, what holds itself, two keys that would become one, and whatever has no form are refused with their place.
"""

from __future__ import annotations

import re
from json import dumps
from math import isfinite
from typing import Any

from control_plane.json_forms import Form, HasNoForm, form_of

_SURROGATES = re.compile("[\ud800-\udfff]")
_PLAIN_KEYS = (str, int, float, bool, type(None))
_CONTAINERS = (dict, list, tuple)


def encode(value: Any, *, name: str) -> str:
    """The value as JSON. `name` is what the value is called in errors, "result" for example.

    Raises TypeError, whose one line names the place (`result["rows"][3].price`) and what to do.
    """
    converted: list[Any] = []

    def convert(part: Any) -> Any:
        form = form_of(part).value
        converted.append(form)
        return form

    try:
        text = dumps(value, ensure_ascii=False, allow_nan=False, default=convert)
        if not _has_odd_keys([value, *converted]):
            return _sendable(text)
    except (TypeError, ValueError, RecursionError, HasNoForm):
        pass  # where it is, and whether it is only a key that has a form, is found below: that takes longer
    try:
        plain = _plain(value, name, frozenset())
        return _sendable(dumps(plain, ensure_ascii=False, allow_nan=False))
    except RecursionError:
        raise TypeError("%s is nested too deeply for JSON; flatten it" % name) from None
    except ValueError as error:  # an integer of very many digits
        raise TypeError("%s cannot be written as JSON: %s" % (name, error)) from None


def _has_odd_keys(waiting: list[Any]) -> bool:
    """Whether a key is no string, so that two of them may become one. There is nothing in it that holds itself."""
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for key in part:
                if type(key) is not str:
                    return True
            waiting += [item for item in part.values() if isinstance(item, _CONTAINERS)]
        elif isinstance(part, (list, tuple)):
            waiting += [item for item in part if isinstance(item, _CONTAINERS)]
    return False


def _plain(value: Any, place: str, around: frozenset[int]) -> Any:
    """The value in lists, dicts with strings as keys, and scalars. `around`: what it is in. Raises TypeError."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if not isfinite(value):
            raise TypeError(
                "%s is %s, which JSON does not have; None or a string may stand for it" % (place, float.__repr__(value))
            )
        return value
    if id(value) in around:
        raise TypeError("%s holds itself, which JSON cannot; leave that out" % place)
    around |= {id(value)}
    if isinstance(value, dict):
        return _mapping(Form(value), place, around)
    if isinstance(value, (list, tuple)):
        return [_plain(item, "%s[%d]" % (place, index), around) for index, item in enumerate(value)]
    try:
        form = form_of(value)
    except HasNoForm as error:
        raise TypeError("%s is %s" % (place, error)) from None
    if isinstance(form.value, dict):
        return _mapping(form, place, around)
    return _plain(form.value, place, around)


def _mapping(form: Form, place: str, around: frozenset[int]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in form.value.items():
        name = _key(key, place)
        if name in plain:
            raise TypeError(
                "%s has two keys that are one in JSON, where every key is a string: %s" % (place, dumps(name))
            )
        plain[name] = _plain(item, place + _step(key, is_attribute=form.is_object), around)
    return plain


def _step(key: Any, *, is_attribute: bool) -> str:
    if is_attribute:
        return ".%s" % key
    return "[%s]" % (dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key))


def _key(key: Any, place: str) -> str:
    """Numbers, truth values and None as JSON's writers have them. Raises TypeError for what has no form as a string."""
    where = "a key of " + place
    while not isinstance(key, _PLAIN_KEYS):
        try:
            key = form_of(key).value
        except HasNoForm as error:
            raise TypeError("%s is %s" % (where, error)) from None
        if isinstance(key, _CONTAINERS):
            raise TypeError("%s is no string and has no form as one; make a string of it" % where)
    if isinstance(key, str):
        return str.__str__(key)
    return dumps(_plain(key, where, frozenset()))


def _sendable(text: str) -> str:
    """With halves of surrogate pairs, which UTF-8 does not have, as escapes."""
    return _SURROGATES.sub(lambda found: "\\u%04x" % ord(found[0]), text)
