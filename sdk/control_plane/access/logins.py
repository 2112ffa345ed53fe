"""The server that `control-plane login` has saved: one file in the user's config folder."""

import os
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from control_plane.cli.exits import CommandFailed


class Login(BaseModel):
    api_url: str
    api_key: str = Field(repr=False)


def saved_login(path: Path) -> Login | None:
    """None if nobody has logged in. Raises CommandFailed if the file cannot be read."""
    try:
        return Login.model_validate_json(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} cannot be read; remove it and run: control-plane login URL") from error


def save_login(path: Path, login: Login) -> None:
    """Readable by its owner alone: the API key is in it. Raises CommandFailed."""
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(login.model_dump_json(indent=2) + "\n")
        draft.replace(path)
    except OSError as error:
        raise CommandFailed(f"{path} cannot be written ({error.strerror}); nothing was saved") from error
