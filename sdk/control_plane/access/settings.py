"""What the environment says of a client: which server, and where its own settings are kept."""

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Empty means not set. `saved_login`: the file that `control-plane login` writes, None for somebody without a
    home."""

    api_url: str | None
    api_key: str | None = field(repr=False)
    saved_login: Path | None


def client_settings() -> ClientSettings:
    """The key may be the server's own list of keys: the first one is used."""
    keys = os.environ.get("CONTROL_PLANE_API_KEY", "")
    folder = config_folder()
    return ClientSettings(
        api_url=os.environ.get("CONTROL_PLANE_API_URL") or None,
        api_key=keys.partition(",")[0].strip() or None,
        saved_login=None if folder is None else folder / "login.json",
    )


def state_folder() -> Path | None:
    """For what commands note down by themselves. None for somebody without a home."""
    return _folder("XDG_STATE_HOME", ".local/state")


def config_folder() -> Path | None:
    """For what a user has chosen. None for somebody without a home."""
    return _folder("XDG_CONFIG_HOME", ".config")


def _folder(variable: str, usual: str) -> Path | None:
    named = os.environ.get(variable)
    try:
        return (Path(named) if named else Path.home() / usual) / "control-plane"
    except RuntimeError:
        return None
