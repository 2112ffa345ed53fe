"""How much waits, runs and has failed of projects and functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from control_plane_server.catalog.load import FunctionLoad
from control_plane_server.catalog.recent_failures import MOST_COUNTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`waiting`: for a slot. `running`: all others that have not ended. `oldest`: for how long the first one waits;
    None if none does."""

    waiting: int = 0
    running: int = 0
    oldest: timedelta | None = None


NOTHING = Load()


def loads_of_projects(functions: Iterable[FunctionLoad]) -> Mapping[str, Load]:
    grouped: dict[str, list[FunctionLoad]] = {}
    for one in functions:
        grouped.setdefault(one.project_name, []).append(one)
    return {name: _together(ones) for name, ones in grouped.items()}


def loads_of_functions(functions: Iterable[FunctionLoad], project_name: str) -> Mapping[str, Load]:
    return {one.function_name: _together([one]) for one in functions if one.project_name == project_name}


def counted(failed: int, all_are_counted: bool = True) -> str:
    """With a sign if there are more, or may be."""
    if failed >= MOST_COUNTED:
        return f"{MOST_COUNTED:,}+"
    return f"{failed:,}" if all_are_counted else f"{failed:,}+"


def _together(functions: Sequence[FunctionLoad]) -> Load:
    waiting = sum(one.waiting for one in functions)
    oldest = max(one.oldest_waiting_seconds for one in functions)
    return Load(
        waiting=waiting,
        running=max(0, sum(one.running for one in functions) - waiting),
        oldest=timedelta(seconds=oldest) if waiting else None,
    )
