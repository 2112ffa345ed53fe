"""`python -m runtime.describe main.py`: the functions that a file declares, as one line of JSON on stdout.

The line is `{"functions": [...]}`, each a FunctionSpec of the REST API. What the file itself prints goes to stderr. A
mistake in it is one line on stderr, after whatever the file printed, and exit code 1.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from types import ModuleType
from typing import Any

from runtime import shadows
from runtime.declare import Declaration, declarations


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
            "%s declares no function; put `from runtime.declare import function` at its top and @function above one"
            % name
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
    except (Exception, SystemExit) as error:
        place = _place(error, folder) or name
        reason = "%s: %s" % (type(error).__name__, _first_line(error))
        hint = "mend that and deploy again"
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
        json.dumps(declaration.spec, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FileIsUnusable("%s: %r has a limit that is no JSON: %s" % (place, name, error)) from error


def _place(error: BaseException, folder: str) -> str | None:
    """The last line of the user's own files that was reached."""
    if isinstance(error, SyntaxError) and error.filename:
        return "%s:%s" % (os.path.basename(error.filename), error.lineno)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, folder)]
    return "%s:%s" % (os.path.relpath(own[-1].filename, folder), own[-1].lineno) if own else None


def _is_own(file: str, folder: str) -> bool:
    return file.startswith(folder + os.sep) and not file.startswith(os.path.join(folder, ".venv") + os.sep)


def _first_line(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return (text.splitlines() or [""])[0]


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m runtime.describe FILE\n")
        return 2
    # The file's own output, also that of programs which it starts, must not get between the reader and the answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        description = describe(sys.argv[1])
    except FileIsUnusable as error:
        sys.stdout.flush()
        sys.stderr.write("%s\n" % error)
        return 1
    sys.stdout.flush()
    with os.fdopen(answer, "w") as file:
        file.write(json.dumps(description) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
