"""Folders of code that run as they are: what they must hold, and which Python runs them."""

import os
import sys
from pathlib import Path


class FolderIsUnusable(Exception):
    """The text says in one line why."""


def ensure_usable(folder: Path) -> None:
    """Raises FolderIsUnusable."""
    if (folder / "control_plane").exists() or (folder / "control_plane.py").exists():
        raise FolderIsUnusable(
            f"{folder} holds a module `control_plane`, which is the name of the program that calls functions; "
            "give it another name"
        )
    python_of(folder)  # a broken one is told before the first launch


def python_of(folder: Path) -> str:
    """The folder's own Python if it has one, else ours. Raises FolderIsUnusable if its own is none: another one would
    lack what is installed there."""
    own = folder / ".venv"
    if not os.path.lexists(own):
        return sys.executable
    python = own / "bin" / "python"
    if not os.access(python, os.X_OK):
        raise FolderIsUnusable(f"{own} is no virtual environment with a Python that runs; make it anew, or remove it")
    return str(python)
