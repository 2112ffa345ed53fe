"""What the control plane asks of a provisioner. Every method may be repeated and may run twice at once."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol

from domain.entities import Function, PreparedFunction, WorkerDetails
from domain.workers import LogPage, LogTiming, RepositoryCredentials, Worker, WorkerExit, WorkerName, WorkerRequest


class Provisioner(Protocol):
    """Starts, watches and stops workers.

    Errors, all from `domain.errors`: `FunctionFailure` (the user's image is at fault), `Unavailable` (passes by
    itself), `Misconfigured` (an operator must mend it).
    """

    async def prepare(self, function: Function) -> PreparedFunction:
        """Do once per function what need not be done per launch. FunctionFailure here is final."""

    async def find_prepared(self, function: Function) -> PreparedFunction | None:
        """What a `prepare` that died has left of this function, if that is something that has to be undone."""

    async def retire(self, prepared: PreparedFunction) -> None:
        """Undo `prepare`. What is already gone is a success."""

    async def launch(self, request: WorkerRequest, *, age: timedelta) -> WorkerDetails:
        """Start the worker of this name, or find the one that was started under it, running or ended: never a second.

        Returns as soon as the worker can be found again by its details. `age`: how long ago, by the catalog's clock,
        this launch was first noted. Raises NoCapacity if nothing was started, and the next launch may fare better;
        LaunchIsLost if it is too long ago to tell what became of it.
        """

    async def withdraw(self, name: WorkerName, *, age: timedelta) -> WorkerDetails | None:
        """The worker that was launched under this name, running or ended; None if there is none.

        Then there never will be, as far as the provisioner can see to that: a launch that still hangs somewhere fails.
        """

    async def live_workers(self) -> tuple[Worker, ...]:
        """Every worker of ours that runs now, by its name and details, perhaps those of another control plane too."""

    async def stopped(self, worker: Worker) -> WorkerExit:
        """Wait until the worker is gone and say why. Cancelling the wait leaves the worker alone."""

    def look_soon(self, worker: Worker) -> None:
        """A hint that the worker is about to end: whoever waits for that would like to know at once."""

    async def stop(self, worker: Worker) -> None:
        """Ask the worker to end: SIGTERM now, SIGKILL after the grace period, even if this process dies in between.

        Returns at once. A worker that is gone is a success.
        """

    @property
    def log_timing(self) -> LogTiming: ...

    async def read_logs(self, details: WorkerDetails, offset: str | None, max_lines: int) -> LogPage:
        """At most `max_lines` lines from the offset on. Raises OffsetIsInvalid for an offset that is not ours."""

    async def repository_credentials(self) -> RepositoryCredentials:
        """With which users push images. Raises ContainerRegistryIsNotConfigured where there is no registry."""


class WorkerEvents(Protocol):
    """Tells of ends, where the platform does by itself. Hints only: some are lost, some come twice or late."""

    def ended(self) -> AsyncIterator[tuple[str, ...]]:
        """Identifiers of workers that are gone, without end. What is told counts as told when the next is asked for.

        Raises Unavailable, Misconfigured; then it may be called again.
        """
