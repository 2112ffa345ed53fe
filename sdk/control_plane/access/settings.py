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
    return ClientSettings(
        api_url=os.environ.get("CONTROL_PLANE_API_URL") or None,
        api_key=keys.partition(",")[0].strip() or None,
        saved_login=_saved_login(),
    )


def _saved_login() -> Path | None:
    config = os.environ.get("XDG_CONFIG_HOME")
    try:
        return (Path(config) if config else Path.home() / ".config") / "control-plane" / "login.json"
    except RuntimeError:
        return None
