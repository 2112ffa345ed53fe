"""How long a container outlives an execution, to take the next one of its function."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Isolation(StrEnum):
    """What an execution shares with those before it in the same container. FORK: what the module's import made, nothing
    else, as each is a process of its own. PROCESS: all that a process has."""

    FORK = "fork"
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReuseSpec:
    """`idle_seconds`: how long a container waits for its next execution. `min_idle`: how many of the newest version
    wait for as long as it takes. `max_executions`: of one container; None: any number."""

    idle_seconds: int
    min_idle: int = 0
    max_executions: int | None = None
    isolation: Isolation = Isolation.FORK


_SHORTEST_IMPORT_LIMIT = timedelta(minutes=10)


def import_limit(attempt_timeout: timedelta | None) -> timedelta | None:
    """How long a container may import the user's module, once for all of its executions; None: as long as it takes.
    `attempt_timeout`: of the function, which begins with each call and may be far shorter."""
    return None if attempt_timeout is None else max(attempt_timeout, _SHORTEST_IMPORT_LIMIT)


# How long the request of a container for its next execution waits for one.
LONGEST_POLL = timedelta(seconds=20)
