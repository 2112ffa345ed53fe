"""The user's function: where it is found, and which arguments an input stands for.

An input is JSON. An empty input or `{}` or `[]` calls the function without arguments, an object gives keyword
arguments, an array positional ones, and any other value (also `null`) is the only argument. To hand over a list,
put it in a list.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Callable, NamedTuple

from control_plane.container import json_text, shadows
from control_plane.container.reports import PlainFailure, described

_FILE = "main.py"


class FunctionIsUnusable(PlainFailure):
    """The function cannot even be called; the text says why in one line."""


class Arguments(NamedTuple):
    positional: list[Any]
    keyword: dict[str, Any]


def load(function_name: str) -> Callable[..., Any]:
    """The top-level callable of main.py in the working directory. Raises FunctionIsUnusable."""
    folder = os.getcwd()
    if not os.path.isfile(os.path.join(folder, _FILE)):
        raise FunctionIsUnusable("There is no %s in %s" % (_FILE, folder))
    shadows.give_way(folder)
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module("main")
    except (Exception, SystemExit) as error:
        raise FunctionIsUnusable("%s cannot be imported: %s" % (_FILE, _reason(error, folder))) from error
    function = getattr(module, function_name, None)
    if function is None:
        raise FunctionIsUnusable("%s has no function %r" % (_FILE, function_name))
    if not callable(function):
        raise FunctionIsUnusable("%r in %s is no function but %s" % (function_name, _FILE, type(function).__name__))
    return function  # type: ignore[no-any-return]  # what a callable takes and returns is the user's affair


def arguments_of(text: str) -> Arguments:
    """Raises FunctionIsUnusable for an input that is not JSON, or that Python cannot hold."""
    if not text.strip():
        return Arguments([], {})
    try:
        value = json_text.read(text)
    except json_text.NumberIsLost as error:
        raise FunctionIsUnusable("The input cannot be handed over as it is: %s" % error) from error
    except (ValueError, RecursionError) as error:
        raise FunctionIsUnusable("The input is not JSON: %s" % error) from error
    if isinstance(value, dict):
        return Arguments([], value)
    if isinstance(value, list):
        return Arguments(value, {})
    return Arguments([value], {})


def _reason(error: BaseException, folder: str) -> str:
    hint = shadows.explanation(folder)
    return described(error) if hint is None else "%s (%s)" % (described(error), hint)
