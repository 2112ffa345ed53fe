"""`python -m control_plane invoke FILE|MODULE FUNCTION [INPUT|@FILE]`: an invocation in this process, without a server.

It ends like `control-plane invoke --wait`: the result on stdout, and the exit code tells the outcome. stdin and the
terminal are the function's, so that a debugger works; while one is attached the timeout does not count. What the
function calls runs in this process too.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any, Callable

from control_plane import calls, declarations, entry_modules
from control_plane.commands import Command
from control_plane.container.functions import FunctionIsUnusable, load
from control_plane.container.reports import OutputIsUnusable, bounded
from control_plane.errors import Cancelled, Stopped, TimedOut
from control_plane.input_arguments import InputIsUnusable
from control_plane.local_calls import LocalCaller, entered, timeout_of
from control_plane.local_runs import output_of
from control_plane.user_tracebacks import whole_traceback_of

_FAILED, _USAGE, _TIMED_OUT, _CANCELLED, _INTERRUPTED = 1, 2, 3, 4, 130  # as docs/command-line.md has them


def main(words: list[str]) -> int:
    """The exit code."""
    if not 2 <= len(words) <= 3:
        return _say("usage: python -m control_plane invoke FILE|MODULE FUNCTION [INPUT|@FILE]", _USAGE)
    target, name, text = [*words, ""][:3]
    try:
        text = _read(text)
    except (OSError, ValueError) as error:
        return _say("The input cannot be read: %s" % error, _USAGE)
    folder, module = entry_modules.split(target)
    os.chdir(folder)
    os.environ[entry_modules.VARIABLE] = module
    try:
        output = _run(_function(name), name, text)
    except BaseException as error:
        return _ended(error, name)
    sys.stdout.flush()
    if output is not None:
        sys.stdout.write(output + "\n")
        sys.stdout.flush()
    return 0


def _ended(error: BaseException, name: str) -> int:
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, TimedOut):
        return _say("%s ran longer than its timeout" % name, _TIMED_OUT)
    if isinstance(error, Stopped):
        return _CANCELLED
    if isinstance(error, (FunctionIsUnusable, InputIsUnusable, OutputIsUnusable)):
        return _say("%s" % error, _FAILED)
    return _say(whole_traceback_of(error).rstrip(), _FAILED)


def _read(text: str) -> str:
    """Raises OSError, ValueError."""
    if not text.startswith("@"):
        return text
    with open(text[1:], encoding="utf-8") as file:
        return file.read()


def _function(name: str) -> Callable[..., Any]:
    """Raises FunctionIsUnusable."""
    try:
        return load(name)
    except FunctionIsUnusable:
        declared = declarations.named(name)
        if isinstance(declared, Command):
            line = " ".join(declared._spec["command"])
            raise FunctionIsUnusable("%s is a command; run it as it is: %s" % (name, line)) from None
        raise


def _run(function: Callable[..., Any], name: str, text: str) -> str | None:
    """Raises whatever the function raises, and Stopped."""
    calls.local_callers.append(LocalCaller())
    signal.signal(signal.SIGALRM, _time_out)
    signal.signal(signal.SIGTERM, _cancel)
    signal.setitimer(signal.ITIMER_REAL, timeout_of(function))
    try:
        with entered(function, invocation_id="inv-local", function_name=name):
            output = output_of(function, text, report=_show_progress)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None if output is None else bounded(output)


def _show_progress(text: str) -> None:
    _say(text, 0)


def _time_out(_number: int, _frame: FrameType | None) -> None:
    if sys.gettrace() is None:
        raise TimedOut


def _cancel(_number: int, _frame: FrameType | None) -> None:
    raise Cancelled


def _say(line: str, exit_code: int) -> int:
    sys.stdout.flush()
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
    return exit_code
