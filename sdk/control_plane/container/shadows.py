"""Modules of the user's that are named like Python's own: they hide those from the user's code, but not from ours.

To be imported before any other module of ours.
"""

from __future__ import annotations

import os
import sys

_AT_START = frozenset(sys.modules)  # so nothing is imported here that Python has not loaded by then
_has_given_way = False
# What is imported only where it is wanted, which may be when the user's folder is searched already.
_LATE = (
    "control_plane.container.asynchronous",
    "control_plane.container.children",
    "control_plane.calls",
    "control_plane.context",
    "control_plane.declarations",
    "control_plane.signatures",
    "control_plane.testing",
)


def give_way(folder: str) -> None:
    """Let the user's code find its own modules, as plain Python would: of what only we have loaded they get nothing.

    Our own modules keep what they have imported.
    """
    global _has_given_way  # noqa: PLW0603 - a warm container's module may be imported again, and is the user's by then
    if _has_given_way:
        return
    _has_given_way = True
    names = {name for name in _names_in(folder) & _names_of_python() if _is_module(name, folder)}
    if not names:
        return
    for late in _LATE:
        __import__(late)
    for loaded in list(sys.modules):
        if loaded.partition(".")[0] in names and loaded not in _AT_START:
            del sys.modules[loaded]


def explanation(folder: str) -> str | None:
    """Which file of the folder was imported in place of a module of Python's own, and what to do; None if none was."""
    for name in sorted(_names_in(folder) & _names_of_python()):
        file = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(file, str) and file.startswith(os.path.join(folder, "")):
            return "%s hides Python's own module %s: give it another name" % (os.path.relpath(file, folder), name)
    return None


def _names_in(folder: str) -> set[str]:
    """What can be imported from it, and perhaps more."""
    try:
        return {entry.partition(".")[0] for entry in os.listdir(folder)}
    except OSError:
        return set()


def _is_module(name: str, folder: str) -> bool:
    """Whether importing it finds something there, and not just a folder of data that happens to be called so."""
    from importlib.machinery import PathFinder  # noqa: PLC0415 - nothing is loaded before _AT_START is known

    spec = PathFinder.find_spec(name, [folder])
    return spec is not None and spec.origin is not None


def _names_of_python() -> set[str]:
    names = getattr(sys, "stdlib_module_names", None)  # since Python 3.10
    if names is not None:
        return set(names)
    library = os.path.dirname(os.__file__)
    return {*sys.builtin_module_names, *_names_in(library), *_names_in(os.path.join(library, "lib-dynload"))}
