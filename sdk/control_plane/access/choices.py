"""What `control-plane use` has chosen: a stack of this machine, a project."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from control_plane.access.errors import CannotBeDone
from control_plane.access.settings import config_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`data_dir`: of the stack. None is what was not chosen."""

    data_dir: str | None = None
    project: str | None = None


def chosen() -> Choice:
    """Raises CannotBeDone if the file cannot be read."""
    path = choice_file()
    if path is None:
        return Choice()
    try:
        document = json.loads(path.read_text())
        return Choice(data_dir=_text(document.get("data_dir")), project=_text(document.get("project")))
    except (FileNotFoundError, NotADirectoryError):
        return Choice()
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CannotBeDone(f"{path} cannot be read; remove it and run: control-plane use") from error


def choose(choice: Choice) -> None:
    """Of nothing, the file is removed. Raises CannotBeDone."""
    path = choice_file()
    if path is None:
        raise CannotBeDone("there is no home folder to remember it in; set HOME or XDG_CONFIG_HOME")
    try:
        if choice == Choice():
            path.unlink(missing_ok=True)
            return
        draft = path.with_suffix(f".{os.getpid()}")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(json.dumps(asdict(choice)) + "\n")
        draft.replace(path)
    except OSError as error:
        raise CannotBeDone(f"{path} cannot be written ({error.strerror}); nothing was remembered") from error


def choice_file() -> Path | None:
    folder = config_folder()
    return None if folder is None else folder / "use.json"


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError("no text")
    return value
