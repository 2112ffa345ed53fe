"""Images of the process provisioner: `file:///folder`, which holds main.py and optionally a virtual environment."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from control_plane.deployment import code_folders
from control_plane.deployment.code_folders import FolderIsUnusable, ensure_usable
from control_plane.entry_modules import NOTE

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
    if needs_main and not any((folder / name).is_file() for name in ("main.py", NOTE)):
        raise FunctionFailure(f"The image folder {folder} holds no main.py")
    try:
        ensure_usable(folder)
    except FolderIsUnusable as error:
        raise FunctionFailure(str(error)) from error
    return folder


def python_of(folder: Path) -> str:
    """The image's own Python if it has one, else ours. Raises FunctionFailure if its own is none."""
    try:
        return code_folders.python_of(folder)
    except FolderIsUnusable as error:
        raise FunctionFailure(str(error)) from error
