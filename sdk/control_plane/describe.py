"""`python -m control_plane describe main.py ANSWER`: the functions that a file declares, as JSON in the file ANSWER.

The answer is `{"functions": [...]}`, each a FunctionSpec of the REST API, or `{"mistake": "..."}`, one line for whoever
wrote the file. As long as it takes, `{"reading": "main.py:7"}` says where it is. Whatever main.py prints, starts,
leaves running or does to this process has no part in it.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import traceback
from json import dumps
from types import FrameType, ModuleType
from typing import Any

from control_plane.answers import AnswerFile
from control_plane.container import shadows
from control_plane.declare import Declaration, declarations

_LOOK_SECONDS = 0.5
_UNGUARDED = 'put that behind `if __name__ == "__main__":`'
_exit_at_once = os._exit


class FileIsUnusable(Exception):
    """The text says in one line what is wrong and what to do."""


def describe(path: str) -> dict[str, Any]:
    """Raises FileIsUnusable."""
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isfile(path):
        raise FileIsUnusable("There is no %s in %s; it is where functions are declared" % (name, folder))
    try:
        module = _imported(folder, name)
    except FileIsUnusable as error:
        hint = shadows.explanation(folder)
        raise error if hint is None else FileIsUnusable("%s (%s)" % (error, hint)) from error
    if not declarations:
        raise FileIsUnusable(
            "%s declares no function; put `from control_plane.declare import function` at its top and @function above "
            "one" % name
        )
    seen: dict[str, str] = {}
    for declaration in declarations:
        _check(declaration, module, name, seen)
    return {"functions": [declaration.spec for declaration in declarations]}


def _imported(folder: str, name: str) -> ModuleType:
    shadows.give_way(folder)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(os.path.splitext(name)[0])
    except BaseException as error:
        place = _place(error, folder) or name
        text = _first_line(error)
        reason = "%s: %s" % (type(error).__name__, text) if text else type(error).__name__
        hint = "mend that and deploy again"
        if isinstance(error, SystemExit):
            hint = "it is imported, not run: " + _UNGUARDED
        if isinstance(error, ModuleNotFoundError):
            hint = "install what it needs into %s" % os.path.join(folder, ".venv")
        raise FileIsUnusable("%s: %s; %s" % (place, reason, hint)) from error


def _check(declaration: Declaration, module: ModuleType, file: str, seen: dict[str, str]) -> None:
    name, place = declaration.spec["function_name"], declaration.place
    if name in seen:
        raise FileIsUnusable("%s: %r is declared already at %s; choose another name" % (place, name, seen[name]))
    seen[name] = place
    if declaration.function is not None and getattr(module, name, None) is not declaration.function:
        raise FileIsUnusable(
            "%s: %r is no top-level function of %s; define it there, or import it there, with @function as its "
            "outermost decorator" % (place, name, file)
        )
    try:
        dumps(declaration.spec, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FileIsUnusable("%s: %r has a limit that is no JSON: %s" % (place, name, error)) from error


def _place(error: BaseException, folder: str) -> str | None:
    """The last line of the user's own files that was reached."""
    if isinstance(error, SyntaxError) and error.filename:
        return "%s:%s" % (os.path.basename(error.filename), error.lineno)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, folder)]
    return "%s:%s" % (os.path.relpath(own[-1].filename, folder), own[-1].lineno) if own else None


def _place_of(frame: FrameType | None, folder: str) -> str | None:
    """The same of what runs now: `frame` is the innermost."""
    while frame is not None:
        if _is_own(frame.f_code.co_filename, folder):
            return "%s:%s" % (os.path.relpath(frame.f_code.co_filename, folder), frame.f_lineno)
        frame = frame.f_back
    return None


def _is_own(file: str, folder: str) -> bool:
    return file.startswith(folder + os.sep) and not file.startswith(os.path.join(folder, ".venv") + os.sep)


def _first_line(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:
        return "(its text cannot be made)"
    return (text.splitlines() or [""])[0]


def _report_place(answer: AnswerFile, folder: str, thread: int) -> None:
    """Where the thread is, again and again: whoever waits for it may not wait for ever."""
    pause = threading.Event()
    while not pause.wait(_LOOK_SECONDS):
        place = _place_of(sys._current_frames().get(thread), folder)
        if place is not None:
            answer.note({"reading": place})


def _answer_before_exit(answer: AnswerFile, folder: str, name: str) -> None:
    """Have what ends Python at once, or puts another program in its place, say so first."""

    def end_at_once(status: int) -> None:
        place = _place_of(sys._getframe(1), folder) or name
        answer.settle({"mistake": "%s: os._exit(%s) ends the reading of it; %s" % (place, status, _UNGUARDED)})
        _exit_at_once(status)

    def answer_before_exec(event: str, _arguments: object) -> None:
        if event == "os.exec":
            place = _place_of(sys._getframe(1), folder) or name
            answer.settle(
                {"mistake": "%s: os.exec puts another program in place of this one; %s" % (place, _UNGUARDED)}
            )

    os._exit = end_at_once  # type: ignore[assignment]
    sys.addaudithook(answer_before_exec)


def main() -> None:
    """Ends the process at once when the answer is given: what main.py has registered or left running is not waited
    for."""
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python -m control_plane describe FILE ANSWER\n")
        sys.exit(2)
    path, answer = os.path.abspath(sys.argv[1]), AnswerFile(sys.argv[2])
    sys.argv[1:] = []  # main.py may look at them, as it will in a container
    folder, name = os.path.split(path)
    _answer_before_exit(answer, folder, name)
    reporter = threading.Thread(
        target=_report_place, args=(answer, folder, threading.get_ident()), name="place reporter", daemon=True
    )
    reporter.start()
    exit_code = 0
    try:
        document = describe(path)
    except FileIsUnusable as error:
        document, exit_code = {"mistake": str(error)}, 1
    answer.settle(document)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            continue
    _exit_at_once(exit_code)
