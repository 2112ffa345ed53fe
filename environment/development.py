"""What an embedded stack reads from the environment: servers to use instead of its own, and the API key."""

import os

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DevelopmentSettings(BaseSettings):
    """A server that is named here is used; one that is not is embedded. Empty means not named."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    postgres_host: str | None = None
    temporal_address: str | None = None
    temporal_namespace: str = "default"
    control_plane_api_key: SecretStr | None = None


def inherited_environment(*, without_prefixes: tuple[str, ...] = ()) -> dict[str, str]:
    """A copy of the environment for a child process, variables with one of the prefixes left out."""
    return {name: value for name, value in os.environ.items() if not name.startswith(without_prefixes)}
