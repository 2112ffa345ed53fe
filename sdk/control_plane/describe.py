"""`python -m control_plane describe main.py ANSWER`: the functions that a module declares, as JSON in the file ANSWER.

In place of a file it may be a module of the working directory, `images.jobs`. The answer is `{"functions": [...],
"advice": [...], "files": [...]}`, each function a FunctionSpec of the REST API, each advice a line about one of them,
and each file, as seen from the folder, a module of it that was imported; or
`{"mistake": "..."}`, one line for whoever wrote the file. As long as it takes, `{"reading": "main.py:7"}` says where it
is. Whatever the module prints, starts, leaves running or does to this process has no part in it.
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

from control_plane import entry_modules
from control_plane.answers import AnswerFile
from control_plane.commands import Command
from control_plane.container import shadows
from control_plane.declarations import declared
from control_plane.functions import Function
from control_plane.signatures import DefaultIsUnusable, signature_of

_LOOK_SECONDS = 0.5
_UNGUARDED = 'put that behind `if __name__ == "__main__":`'
_exit_at_once = os._exit


class FileIsUnusable(Exception):
    """The text says in one line what is wrong and what to do."""


def describe(target: str) -> dict[str, Any]:
    """`target`: a file, or the name of a module of the working directory. Raises FileIsUnusable."""
    folder, module_name = entry_modules.split(target)
    try:
        file = entry_modules.file_of(module_name, folder)
    except entry_modules.ModuleIsMissing as error:
        raise FileIsUnusable("%s; it is where functions are declared" % error) from None
    try:
        module = _imported(folder, module_name, file)
    except FileIsUnusable as error:
        hint = shadows.explanation(folder)
        raise error if hint is None else FileIsUnusable("%s (%s)" % (error, hint)) from error
    if not declared:
        raise FileIsUnusable(
            "%s declares no function; put `import control_plane as cp` at its top and @cp.function above one" % file
        )
    places = [
        (declaration, "%s:%d" % (_shown(declaration._place[0], folder), declaration._place[1]))
        for declaration in declared
    ]
    _check_names(places)
    specs, advice = [], []
    for declaration, place in places:
        _check(declaration, module, file, place)
        signature, lines = _signature(declaration, place)
        specs.append({**declaration._spec, **signature})
        advice += lines
    return {"functions": specs, "advice": advice, "files": _imported_files(folder)}


def _imported_files(folder: str) -> list[str]:
    """Of modules that were found in the folder itself: those of a virtual environment in it are found elsewhere."""
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")  # what a module answers itself is any code
        if not isinstance(file, str):
            continue
        path = os.path.relpath(os.path.realpath(file), os.path.realpath(folder))
        place = name.replace(".", os.sep)
        if path.partition(".")[0] in (place, os.path.join(place, "__init__")):
            found.append(path)
    return sorted(found)


def _signature(declaration: Function[..., Any] | Command, place: str) -> tuple[dict[str, Any], list[str]]:
    """As a part of the FunctionSpec, and what is to be said about it. Raises FileIsUnusable."""
    if isinstance(declaration, Command):
        return {}, []
    name = declaration.__name__
    try:
        signature = signature_of(declaration.__wrapped__)
    except DefaultIsUnusable as error:
        raise FileIsUnusable("%s: %s(): %s" % (place, name, error)) from error
    advice = ["%s: %s(): %s, as JSON brings it" % (place, name, line) for line in signature.advice]
    return ({} if signature.schema is None else {"signature": signature.schema}), advice


def _imported(folder: str, module: str, file: str) -> ModuleType:
    shadows.give_way(folder)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(module)
    except BaseException as error:
        place = _place(error, folder) or file
        text = _first_line(error)
        reason = "%s: %s" % (type(error).__name__, text) if text else type(error).__name__
        hint = "mend that and deploy again"
        if isinstance(error, SystemExit):
            hint = "it is imported, not run: " + _UNGUARDED
        if isinstance(error, ModuleNotFoundError):
            hint = "install what it needs into %s" % os.path.join(folder, ".venv")
        raise FileIsUnusable("%s: %s; %s" % (place, reason, hint)) from error


def _check_names(places: list[tuple[Function[..., Any] | Command, str]]) -> None:
    """Raises FileIsUnusable. Before all else: a function that another of its name has replaced is no top-level one."""
    seen: dict[str, str] = {}
    for declaration, place in places:
        name = declaration._spec["function_name"]
        if name in seen:
            raise FileIsUnusable("%s: %r is declared already at %s; choose another name" % (place, name, seen[name]))
        seen[name] = place


def _check(declaration: Function[..., Any] | Command, module: ModuleType, file: str, place: str) -> None:
    """Raises FileIsUnusable."""
    name = declaration._spec["function_name"]
    if isinstance(declaration, Function) and getattr(module, name, None) is not declaration:
        raise FileIsUnusable(
            "%s: %r is no top-level function of %s; define it there, or import it there, with @cp.function as its "
            "outermost decorator" % (place, name, file)
        )
    try:
        dumps(declaration._spec, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FileIsUnusable("%s: %r has a limit that is no JSON: %s" % (place, name, error)) from error


def _shown(file: str, folder: str) -> str:
    return os.path.relpath(file, folder) if _is_own(file, folder) else os.path.basename(file)


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
        sys.stderr.write("usage: python -m control_plane describe FILE|MODULE ANSWER\n")
        sys.exit(2)
    target, answer = sys.argv[1], AnswerFile(sys.argv[2])
    sys.argv[1:] = []  # main.py may look at them, as it will in a container
    folder, name = entry_modules.split(target)
    _answer_before_exit(answer, folder, name)
    reporter = threading.Thread(
        target=_report_place, args=(answer, folder, threading.get_ident()), name="place reporter", daemon=True
    )
    reporter.start()
    exit_code = 0
    try:
        document = describe(target)
    except FileIsUnusable as error:
        document, exit_code = {"mistake": str(error)}, 1
    answer.settle(document)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            continue
    _exit_at_once(exit_code)
