"""The traceback of a failure as the function's author knows it: without our own frames, cut to what the API takes."""

from __future__ import annotations

import os
from itertools import dropwhile
from traceback import FrameSummary, StackSummary, TracebackException

MOST_CHARACTERS = 16_383

_PACKAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")
_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")
_INSTALLED = (os.path.join(_LIBRARY, "site-packages", ""), os.path.join(_LIBRARY, "dist-packages", ""))
_CUT = "… (its beginning is left out)\n"


def traceback_of(error: BaseException) -> str:
    """As the API takes it. Never raises."""
    text = whole_traceback_of(error)
    text = text.replace("\0", "?").encode(errors="replace").decode()  # what the catalog cannot hold
    return text if len(text) <= MOST_CHARACTERS else _CUT + text[len(_CUT) - MOST_CHARACTERS :]


def whole_traceback_of(error: BaseException) -> str:
    """Never raises: names and texts of exceptions may be code of the user's."""
    try:
        shown = TracebackException(type(error), error, error.__traceback__)
        _forget_ours(shown)
        return "".join(shown.format())
    except BaseException as nested:
        return "(no traceback: it raised %s)\n" % type(nested).__name__


def _forget_ours(shown: TracebackException) -> None:
    """Of it, and of what led to it."""
    waiting, seen = [shown], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        frames = [frame for frame in part.stack if not frame.filename.startswith(_PACKAGE)]
        # What leads to the user's code is no news to its author: an event loop, an import.
        part.stack = StackSummary.from_list([*dropwhile(_is_pythons, frames)] or frames)
        waiting += [cause for cause in (part.__cause__, part.__context__) if cause is not None]
        waiting += getattr(part, "exceptions", None) or []  # of a group


def _is_pythons(frame: FrameSummary) -> bool:
    file = frame.filename
    return file.startswith(("<frozen importlib", _LIBRARY)) and not file.startswith(_INSTALLED)
