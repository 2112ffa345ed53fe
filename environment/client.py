"""What the command line reads of the environment as a client: which server, and where its own settings are kept."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ClientSettings(BaseSettings):
    """Empty means not set. The key may be the server's own list of keys: the first one is used."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    control_plane_api_url: str | None = None
    control_plane_api_key: SecretStr | None = None
    xdg_config_home: Path | None = None

    @property
    def api_key(self) -> str | None:
        if self.control_plane_api_key is None:
            return None
        return self.control_plane_api_key.get_secret_value().partition(",")[0].strip() or None

    @property
    def saved_login(self) -> Path | None:
        """The file that `control-plane login` writes. None for somebody without a home."""
        try:
            config = self.xdg_config_home or Path.home() / ".config"
        except RuntimeError:
            return None
        return config / "control-plane" / "login.json"
