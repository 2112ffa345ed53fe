"""Secrets of a project, as everyone sees them: without their values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from shlex import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """`last_update_time`: when its value was set last."""

    secret_name: str
    creation_time: datetime
    last_update_time: datetime


def missing_secret_text(project_name: str, secrets: Mapping[str, str], missing: Iterable[str]) -> str:
    """What to do about secrets that a function names and its project has not. `secrets`: their names by those of their
    variables."""
    names = sorted(missing)
    variables = sorted(variable for variable, name in secrets.items() if name in names)
    which = f"secret {names[0]} is" if len(names) == 1 else f"secrets {', '.join(names)} are"
    commands = "; ".join(f"control-plane secrets set {quote(project_name)} {name}" for name in names)
    return f"The {which} not set in project {project_name}, for {', '.join(variables)}; set with: {commands}"
