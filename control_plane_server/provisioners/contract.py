"""The interface of provisioners. Every method may be repeated and may run twice at once."""

from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from typing import Protocol

from control_plane_server.domain.containers import (
    FIRST_LINE,
    Container,
    ContainerExit,
    ContainerName,
    ContainerRequest,
    ImageFolder,
    LivePage,
    LogPage,
    LogStart,
    LogTiming,
    RepositoryCredentials,
)
from control_plane_server.domain.entities import ContainerDetails, Function, PreparedFunction
from control_plane_server.domain.identifiers import ProjectName


class Provisioner(Protocol):
    """Starts, watches and stops containers.

    Errors, all from `domain.errors`: `FunctionFailure` (the user's image is at fault), `Unavailable` (passes by
    itself), `Misconfigured` (an operator must repair it).
    """

    async def prepare(self, function: Function) -> PreparedFunction:
        """Do once per function what need not be done per launch. FunctionFailure here is final."""

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        """What a `prepare` of this function that died has made, if it has to be undone by `retire`; else None."""

    async def retire(self, prepared: PreparedFunction) -> None:
        """Undo `prepare`. What is already gone is a success."""

    async def launch(self, request: ContainerRequest, *, age: timedelta) -> ContainerDetails:
        """Start the container of this name, or find the one that was started under it, running or ended: never a
        second.

        Returns as soon as the container can be found again by its details. `age`: how long ago, by the catalog's clock,
        this launch was first noted. Raises NoCapacity if nothing was started and a later launch may succeed;
        LaunchIsLost if it was too long ago to find out what it started.
        """

    async def withdraw(self, name: ContainerName, *, age: timedelta) -> ContainerDetails | None:
        """The container that was launched under this name, running or ended; None if there is none.

        If None, a launch under this name that is still under way fails, as far as the platform allows that.
        """

    async def list_live_containers(self, page: str | None = None) -> LivePage:
        """Containers that run now, of this control plane and perhaps of others on the same platform: all of them, or
        as many as a platform tells at once. `page`: a `next_page`; None: the first. Misconfigured for one that is not
        known any more."""

    async def wait_for_exit(self, container: Container) -> ContainerExit:
        """Wait until the container is gone and say why. Cancelling the wait leaves the container alone."""

    def check_soon(self, container: Container, *, has_outcome: bool = False) -> None:
        """A hint that the container is about to end: `wait_for_exit` should poll it soon.

        `has_outcome`: so has its execution. From now on the container is gone for `wait_for_exit` as soon as its
        program has ended, whatever the platform has left to clear up.
        """

    def rely_on_events(self, *, are_heard: bool) -> None:
        """Whether ends are heard of by events now. While they are, containers need be polled only for those that are
        lost. They are not before this was called."""

    async def stop(self, container: Container) -> None:
        """Ask the container to end: SIGTERM now, SIGKILL after the grace period, even if this process dies in between.

        Returns at once. A container that is gone is a success.
        """

    @property
    def usual_end(self) -> timedelta:
        """How long after its program's end a container is seen gone as a rule."""

    @property
    def log_timing(self) -> LogTiming:
        """How late lines become readable, and how often a log should be read."""

    async def read_logs(
        self, details: ContainerDetails, offset: str | None, max_lines: int, *, start: LogStart = FIRST_LINE
    ) -> LogPage:
        """At most `max_lines` lines from the offset on; None: from `start` on, without reading what comes before as far
        as the platform allows that. Raises OffsetIsInvalid for an offset that this provisioner did not give."""

    async def repository_credentials(self) -> RepositoryCredentials:
        """Credentials for pushing images. Raises ContainerRegistryIsNotConfigured where there is no registry."""

    async def built_images(self, project_name: ProjectName) -> tuple[str, ...]:
        """Images in the registry that were built for a project of this name, as functions name them. Raises
        ContainerRegistryIsNotConfigured where there is no registry."""

    async def remove_images(self, images: Collection[str]) -> None:
        """Remove such images from the registry. What is already gone is a success. Raises
        ContainerRegistryIsNotConfigured."""

    async def image_folder(self) -> ImageFolder:
        """Where folders become images. Raises FoldersAreNoImages where they do not, Unavailable."""

    async def forget(self, containers: Collection[ContainerName]) -> None:
        """Remove what is left of containers that are gone, logs included, as far as the platform lets us. What is
        already gone is a success."""


class ContainerEvents(Protocol):
    """Events of ended containers, where the platform sends them. Hints only: some are lost, some come twice or late."""

    def receive(self) -> AsyncIterator[tuple[str, ...]]:
        """Identifiers of containers that are gone, without end. Asking for the next ones acknowledges the last ones.

        Raises Unavailable, Misconfigured; then it may be called again, and nothing is heard until it yields again.
        """
