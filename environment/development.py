"""What an embedded stack reads from the environment: servers to use instead of its own, and keys."""

import os
from pathlib import Path

import control_plane
import pydantic
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

import environment

_CHANGE_PYTHON = ("PYTHON", "LC_", "LANG")
_PLAIN_TEXT = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
_HARMLESS = ("PATH", "HOME", "TMPDIR", "TZ")


class DevelopmentSettings(BaseSettings):
    """A server that is set here is used; one that is not set is embedded. Empty means not set."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    postgres_host: str | None = None
    temporal_address: str | None = None
    temporal_namespace: str = "default"
    control_plane_api_key: SecretStr | None = None
    control_plane_secrets_keys: SecretStr | None = None


def inherited_environment(*, without_prefixes: tuple[str, ...] = ()) -> dict[str, str]:
    """A copy of the environment for a child process, variables with one of the prefixes left out."""
    return {name: value for name, value in os.environ.items() if not name.startswith(without_prefixes)}


def python_environment(*, without_prefixes: tuple[str, ...] = ()) -> dict[str, str]:
    """The same for a Python of ours: nothing in it changes how Python works, or how it reads and writes text."""
    inherited = inherited_environment(without_prefixes=(*without_prefixes, *_CHANGE_PYTHON))
    return inherited | _PLAIN_TEXT | _path_to_ourselves()


def bare_environment() -> dict[str, str]:
    """For a program that is told all it must know by its arguments."""
    return {name: os.environ[name] for name in _HARMLESS if name in os.environ} | {"LC_ALL": "C.UTF-8"}


def _path_to_ourselves() -> dict[str, str]:
    """Of PYTHONPATH what we were imported from: nothing, if we are installed."""
    ours = {
        str(Path(module.__file__).parents[1]) for module in (pydantic, environment, control_plane) if module.__file__
    }
    kept = [
        path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and os.path.abspath(path) in ours
    ]
    return {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, kept))} if kept else {}
