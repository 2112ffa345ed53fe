"""The server that `control-plane login` has saved: one file in the user's config folder."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from control_plane.access.errors import CannotBeDone


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    api_url: str
    api_key: str = field(repr=False)


def saved_login(path: Path) -> Login | None:
    """None if nobody has logged in. Raises CannotBeDone if the file cannot be read."""
    try:
        document = json.loads(path.read_text())
        return Login(api_url=_text(document["api_url"]), api_key=_text(document["api_key"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotBeDone(f"{path} cannot be read; remove it and run: control-plane login URL") from error


def save_login(path: Path, login: Login) -> None:
    """Readable by its owner alone: the API key is in it. Raises CannotBeDone."""
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(json.dumps(asdict(login), indent=2) + "\n")
        draft.replace(path)
    except OSError as error:
        raise CannotBeDone(f"{path} cannot be written ({error.strerror}); nothing was saved") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
