"""Calls the user's function, whichever of the four kinds it is, and reports what it yields.

A returned value is the output; None means none. Each value that a generator yields is a progress update, which the next
one replaces, and in the end the value that it returns, null for None. So for asynchronous functions.
"""

from __future__ import annotations

import importlib
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Callable

from control_plane.container.functions import ArgumentsAreUnusable
from control_plane.container.progress import Progress
from control_plane.container.reports import as_output, as_progress, described
from control_plane.container.termination import Termination
from control_plane.errors import Stopped
from control_plane.input_arguments import Arguments


def call(
    function: Callable[..., Any], arguments: Arguments, *, termination: Termination, progress: Progress
) -> str | None:
    """The output, as JSON. Raises what the function raises, ArgumentsAreUnusable, OutputIsUnusable and
    ExecutionIsGone."""
    try:
        with termination.delivery():
            value = function(*arguments.positional, **arguments.keyword)
    except TypeError as error:
        if _takes(function, arguments):
            raise
        raise ArgumentsAreUnusable(described(error)) from error
    has_progress = isinstance(value, (GeneratorType, AsyncGeneratorType))
    if isinstance(value, GeneratorType):
        value = _exhaust(value, termination, progress)
    elif isinstance(value, (CoroutineType, AsyncGeneratorType)):
        # Most functions are not asynchronous, and importing asyncio takes longer than starting Python.
        value = importlib.import_module("control_plane.container.asynchronous").run(
            value, termination=termination, progress=progress
        )
    return None if value is None and not has_progress else as_output(value)


def _takes(function: Callable[..., Any], arguments: Arguments) -> bool:
    """Whether it can be called with these, so that a TypeError is one of its own. True also if that cannot be told."""
    # Few calls fail, and importing these takes long.
    signatures = importlib.import_module("control_plane.signatures")
    functions = importlib.import_module("control_plane.functions")
    if isinstance(function, functions.Function):
        function = function.__wrapped__
    try:
        signature = signatures.own_signature(function)
    except (TypeError, ValueError, NameError):
        return True
    try:
        signature.bind(*arguments.positional, **arguments.keyword)
    except TypeError:
        return False
    return True


def _exhaust(generator: GeneratorType[Any, None, Any], termination: Termination, progress: Progress) -> Any:
    try:
        while True:
            progress.report(as_progress(_advance(generator, termination)))
    except StopIteration as end:
        return end.value
    finally:
        generator.close()


def _advance(generator: GeneratorType[Any, None, Any], termination: Termination) -> Any:
    try:
        with termination.delivery():
            return next(generator)
    except Stopped as interruption:
        if generator.gi_frame is None:
            raise
        # It came between two steps: the user's code is still to learn of it, and may answer with another value.
        return generator.throw(interruption)
