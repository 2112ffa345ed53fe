"""Which arguments an input stands for.

An input is JSON. An empty input or `{}` or `[]` calls the function without arguments, an object gives keyword
arguments, an array positional ones, and any other value (also `null`) is the only argument. To hand over a list,
put it in a list.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from control_plane.decoding import NumberIsLost, decode


class InputIsUnusable(ValueError):
    """The text says why in one line."""


class Arguments(NamedTuple):
    positional: list[Any]
    keyword: dict[str, Any]


def arguments_of(text: str, function: Callable[..., Any]) -> Arguments:
    """Raises InputIsUnusable for an input that is not JSON, or that Python cannot hold."""
    if not text.strip():
        return Arguments([], {})
    try:
        value = decode(text)
    except NumberIsLost as error:
        raise InputIsUnusable("The input cannot be handed over as it is: %s" % error) from error
    except (ValueError, RecursionError) as error:
        raise InputIsUnusable("The input is not JSON: %s" % error) from error
    if isinstance(value, dict):
        return _named(value, function)
    if isinstance(value, list):
        return Arguments(value, {})
    return Arguments([value], {})


def _named(values: dict[str, Any], function: Callable[..., Any]) -> Arguments:
    """By name, but for parameters that take none. Of what is missing Python's own error tells best."""
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    names = code.co_varnames[: code.co_posonlyargcount] if code is not None else ()
    positional = []
    for name in names:
        if name not in values:
            break
        positional.append(values.pop(name))
    return Arguments(positional, values)
