"""A function called on this machine, without a server: by the folder's own Python, in place of this process."""

import os
import tempfile
from pathlib import Path
from typing import NoReturn

from control_plane.access.errors import CannotBeDone
from control_plane.deployment.code_folders import FolderIsUnusable, ensure_usable, python_of
from control_plane.deployment.deploying import absolute
from control_plane.deployment.runtime_copies import PROGRAM, runtime_path
from control_plane.entry_modules import MAIN

_LONGEST_ARGUMENT = 100_000  # bytes; Linux takes 128 KiB
_LEADS_ELSEWHERE = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP")  # a container does not have them either


def run_locally(what: str, function: str, text: str) -> NoReturn:
    """`what`: a folder, or FOLDER:MODULE. Raises CannotBeDone; else this process ends as the function does."""
    name, _, module = what.partition(":")
    folder = absolute(Path(name))
    if not folder.is_dir():
        raise CannotBeDone(f"there is no folder {folder}; name the one that holds your functions")
    try:
        ensure_usable(folder)
        python = python_of(folder)
    except FolderIsUnusable as error:
        raise CannotBeDone(str(error)) from error
    file = "main.py" if module in ("", MAIN) else module
    inherited = {name: value for name, value in os.environ.items() if name not in _LEADS_ELSEWHERE}
    try:
        package = runtime_path(_cache())
        os.chdir(folder)
        os.execve(
            python,
            [python, str(package / PROGRAM), "invoke", file, function, *_words(text)],
            inherited | {"PYTHONPATH": str(package)},
        )
    except OSError as error:
        raise CannotBeDone(f"{python} does not start in {folder}: {error.strerror}; make it anew") from error


def _words(text: str) -> list[str]:
    """The input as an argument; in a file without a name where it is too long for one."""
    if len(text.encode()) <= _LONGEST_ARGUMENT:
        return [text] if text else []
    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    with os.fdopen(descriptor, "w", encoding="utf-8", closefd=False) as file:
        file.write(text)
    os.set_inheritable(descriptor, True)
    return [f"@/dev/fd/{descriptor}"]


def _cache() -> Path:
    """Where copies of this package are kept: a process that was replaced cannot remove them."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "control-plane"
