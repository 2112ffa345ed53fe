"""The user's function: where it is found."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Callable

from control_plane import entry_modules
from control_plane.container import shadows
from control_plane.container.reports import FinalFailure, PlainFailure, described
from control_plane.input_arguments import Arguments, InputIsUnusable, arguments_of

_loaded: dict[str, Callable[..., Any]] = {}


class FunctionIsUnusable(PlainFailure):
    """The function cannot even be called; the text says why in one line."""


class ArgumentsAreUnusable(FunctionIsUnusable, FinalFailure):
    """The function cannot be called with these arguments, however often it is tried."""


def load(function_name: str) -> Callable[..., Any]:
    """The top-level callable of the folder's module, main.py unless another one is named, in the working directory.

    A warm container's is loaded once: what its module has changed since, the working directory for example, matters to
    no later execution. Raises FunctionIsUnusable.
    """
    if function_name not in _loaded:
        _loaded[function_name] = _load(function_name)
    return _loaded[function_name]


def arguments(text: str, function: Callable[..., Any]) -> Arguments:
    """Those that an input stands for. Raises ArgumentsAreUnusable."""
    try:
        return arguments_of(text, function)
    except InputIsUnusable as error:
        raise ArgumentsAreUnusable("%s" % error) from error.__cause__


def _load(function_name: str) -> Callable[..., Any]:
    folder = os.getcwd()
    try:
        name = entry_modules.named_in(folder)
        file = entry_modules.file_of(name, folder)
    except entry_modules.ModuleIsMissing as error:
        raise FunctionIsUnusable("%s" % error) from None
    shadows.give_way(folder)
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise FunctionIsUnusable("%s cannot be imported: %s" % (file, _reason(error, folder))) from error
    function = getattr(module, function_name, None)
    if function is None:
        raise FunctionIsUnusable("%s has no function %r" % (file, function_name))
    if not callable(function):
        raise FunctionIsUnusable("%r in %s is no function but %s" % (function_name, file, type(function).__name__))
    return function  # type: ignore[no-any-return]  # what a callable takes and returns is the user's affair


def _reason(error: BaseException, folder: str) -> str:
    hint = shadows.explanation(folder)
    return described(error) if hint is None else "%s (%s)" % (described(error), hint)
