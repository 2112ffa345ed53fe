"""What a container is to the agent, and what its ends look like."""

import signal
from dataclasses import dataclass
from typing import Protocol

KILLED = 128 + signal.SIGKILL
TERMINATED = 128 + signal.SIGTERM


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """The exit code, 128 and the signal's number if one killed it, and the engine's reason if it has one to give."""

    code: int
    reason: str | None = None


class CannotStart(Exception):
    """The task fails to start; the text is its reason, as AWS words it."""


class Container(Protocol):
    """Runs once. `terminate` and `kill` do nothing when it has ended."""

    @property
    def pid(self) -> int | None: ...

    async def start(self) -> None:
        """Raises CannotStart."""

    async def exited(self) -> ContainerExit: ...

    def terminate(self) -> None: ...

    async def kill(self) -> None: ...
