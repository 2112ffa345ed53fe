"""`control-plane init`: a folder to start from, which deploys as it is and whose test passes."""

from importlib.metadata import version as version_of
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from control_plane.access.errors import CannotBeDone, WrongUsage
from control_plane.cli.output import note, print_json, print_line
from control_plane.cli.starting_folder import FILES
from control_plane.cli.verbs.options import Json
from control_plane.deployment.deploying import ensure_addressable


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The folder, which becomes the project's name.")],
    *,
    as_json: Json = False,
) -> None:
    """Write a folder to start from: a function, its test, a Dockerfile, what it needs. Nothing in it is overwritten."""
    if not name.strip():
        raise WrongUsage("the folder needs a name: control-plane init NAME")
    folder = Path(name)
    ensure_addressable(folder.absolute().name, hint="")
    paths = {folder / name: text for name, text in FILES.items()}
    there = [path for path in paths if path.exists()]
    if there:
        raise CannotBeDone(f"{there[0]} exists; nothing was written: choose another name, or move it away")
    values = {"VERSION": version_of("control-plane-client")}
    for path, text in paths.items():
        _write(path, text.format_map(values))
    if as_json:
        print_json({"folder": str(folder), "files": [str(path) for path in paths]})
        return
    print_line(str(folder))
    word = quote(str(folder))
    note(f"Deploy it: control-plane deploy {word}\nTest it: cd {word} && python -m pytest")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            file.write(text)
    except OSError as error:
        raise CannotBeDone(f"{path} cannot be written ({error.strerror})") from error
