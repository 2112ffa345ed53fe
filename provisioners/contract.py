"""What the control plane asks of a provisioner. Every method may be repeated and may run twice at once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol

from domain.containers import (
    Container,
    ContainerExit,
    ContainerName,
    ContainerRequest,
    LogPage,
    LogTiming,
    RepositoryCredentials,
)
from domain.entities import ContainerDetails, Function, PreparedFunction


class Provisioner(Protocol):
    """Starts, watches and stops containers.

    Errors, all from `domain.errors`: `FunctionFailure` (the user's image is at fault), `Unavailable` (passes by
    itself), `Misconfigured` (an operator must mend it).
    """

    async def prepare(self, function: Function) -> PreparedFunction:
        """Do once per function what need not be done per launch. FunctionFailure here is final."""

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        """What a `prepare` that died has left of this function, if that is something that has to be undone."""

    async def retire(self, prepared: PreparedFunction) -> None:
        """Undo `prepare`. What is already gone is a success."""

    async def launch(self, request: ContainerRequest, *, age: timedelta) -> ContainerDetails:
        """Start the container of this name, or find the one that was started under it, running or ended: never a
        second.

        Returns as soon as the container can be found again by its details. `age`: how long ago, by the catalog's clock,
        this launch was first noted. Raises NoCapacity if nothing was started, and the next launch may fare better;
        LaunchIsLost if it is too long ago to tell what became of it.
        """

    async def withdraw(self, name: ContainerName, *, age: timedelta) -> ContainerDetails | None:
        """The container that was launched under this name, running or ended; None if there is none.

        Then there never will be, as far as the provisioner can see to that: a launch that still hangs somewhere fails.
        """

    async def list_live_containers(self) -> tuple[Container, ...]:
        """Every container of ours that runs now, by its name and details, perhaps those of another control plane
        too."""

    async def wait_for_exit(self, container: Container) -> ContainerExit:
        """Wait until the container is gone and say why. Cancelling the wait leaves the container alone."""

    def check_soon(self, container: Container) -> None:
        """A hint that the container is about to end: whoever waits for that would like to know at once."""

    async def stop(self, container: Container) -> None:
        """Ask the container to end: SIGTERM now, SIGKILL after the grace period, even if this process dies in between.

        Returns at once. A container that is gone is a success.
        """

    @property
    def log_timing(self) -> LogTiming: ...

    async def read_logs(self, details: ContainerDetails, offset: str | None, max_lines: int) -> LogPage:
        """At most `max_lines` lines from the offset on. Raises OffsetIsInvalid for an offset that is not ours."""

    async def repository_credentials(self) -> RepositoryCredentials:
        """With which users push images. Raises ContainerRegistryIsNotConfigured where there is no registry."""


class ContainerEvents(Protocol):
    """Tells of ends, where the platform does by itself. Hints only: some are lost, some come twice or late."""

    def receive(self) -> AsyncIterator[tuple[str, ...]]:
        """Identifiers of containers that are gone, without end. What is told counts as told when the next is asked for.

        Raises Unavailable, Misconfigured; then it may be called again.
        """
