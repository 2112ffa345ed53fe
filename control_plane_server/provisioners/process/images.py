"""Images of the process provisioner: `file:///folder`, which holds main.py and optionally a virtual environment."""

import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from control_plane_server.domain.errors import FunctionFailure


def folder_of_image(docker_image: str, *, needs_main: bool) -> Path:
    """The folder that an image names. Raises FunctionFailure, which says what is wrong with it."""
    address = urlsplit(docker_image)
    if address.scheme != "file" or address.netloc not in ("", "localhost"):
        raise FunctionFailure(
            f"The image must name a folder of this machine, file:///folder, but it is {docker_image!r}"
        )
    folder = Path(unquote(address.path))
    if not folder.is_absolute() or not folder.is_dir():
        raise FunctionFailure(f"The image {docker_image!r} names no folder of this machine")
    if needs_main and not (folder / "main.py").is_file():
        raise FunctionFailure(f"The image folder {folder} holds no main.py")
    if (folder / "control_plane").exists() or (folder / "control_plane.py").exists():
        raise FunctionFailure(
            f"{folder} holds a module `control_plane`, which is the name of the program that calls functions"
        )
    python_of(folder)  # a broken one is told before the first launch
    return folder


def python_of(folder: Path) -> str:
    """The image's own Python if it has one, else ours. Raises FunctionFailure if its own is none: another one would
    lack what is installed there."""
    own = folder / ".venv"
    if not os.path.lexists(own):
        return sys.executable
    python = own / "bin" / "python"
    if not os.access(python, os.X_OK):
        raise FunctionFailure(f"{own} is no virtual environment with a Python that runs; make it anew, or remove it")
    return str(python)
