"""Gives an execution its container: finds it, launches it, and launches another one if infrastructure ends it."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from activities import metrics
from activities.errors import shortened
from activities.execution_spans import ExecutionSpans
from activities.messenger import Messenger
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.launches import Launch, LaunchRepository
from control_plane_server.catalog.execution_lifecycle.slots import Assignment
from control_plane_server.catalog.notifications import EXECUTIONS_CHANNEL, NotificationListener
from control_plane_server.domain.containers import Container, ContainerExit, ContainerName, ContainerRequest
from control_plane_server.domain.entities import ContainerDetails, PreparedFunction
from control_plane_server.domain.errors import (
    ContainerError,
    FunctionFailure,
    LaunchIsLost,
    Misconfigured,
    NoCapacity,
    Unavailable,
)
from control_plane_server.domain.execution_tokens import execution_token
from control_plane_server.domain.messages import ContainerAwaited, RunExecutionRequest
from control_plane_server.provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

_LONGEST_PAUSE_SECONDS = 30.0
# After a container that ran for longer than this, the pauses before launches begin at the shortest again.
_STABLE_AFTER_SECONDS = 60.0
# Of a hundred starts AWS fails one. So many in a row have a cause that stays: a network that is set up wrongly.
MOST_FAILED_STARTS = 5


@contextlib.contextmanager
def _retried_until_repaired() -> Iterator[None]:
    """Makes Misconfigured an Unavailable, which is retried: while a container may run, its slot must not be freed."""
    try:
        yield
    except Misconfigured as error:
        raise Unavailable(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchTools:
    """What all launches of a process share. `signing_key`: the root key from which tokens of containers are derived.
    `ask_for_upkeep`: told when a container is gone from those that are kept ready."""

    database: Database
    provisioner: Provisioner
    listener: NotificationListener
    messenger: Messenger
    signing_key: str = field(repr=False)
    spans: ExecutionSpans
    ask_for_upkeep: Callable[[], None] = field(default=lambda: None)


class ContainerLauncher:
    """The launches of one execution within one try of its activity.

    Its methods raise FunctionFailure, Misconfigured, Unavailable.
    """

    def __init__(
        self, tools: LaunchTools, request: RunExecutionRequest, assignment: Assignment, prepared: PreparedFunction
    ) -> None:
        self._tools = tools
        self._request = request
        self._assignment = assignment
        self._prepared = prepared
        self._adopt_launch(assignment.launch)
        self._launched = time.monotonic()
        self._waits_for = assignment.waits_for
        self._failed_launches = 0

    @property
    def launch(self) -> int:
        """The number of the newest launch that this try knows, counted from 1."""
        return self._launch.number

    async def ensure_container(self) -> Container | None:
        """The execution's container: the one that an earlier try recorded, or a new one as soon as there is capacity.

        None if the execution is stopped and has none.
        """
        if self._assignment.container is None:
            return await self._launch_until_there(is_stopped=self._assignment.is_stopped)
        container = Container(name=self._name, details=self._assignment.container)
        if self._assignment.is_stopped:  # the stop may not have reached it
            await self._stop(container)
        return container

    async def replace_container(self, lost: ContainerExit) -> Container | None:
        """Another container in place of one that infrastructure ended. None if the execution is stopped or has an
        outcome.

        Raises Misconfigured if it is the fifth in a row that failed to start: each of them may have been billed.
        """
        if self._lifetime(lost) > _STABLE_AFTER_SECONDS:
            self._failed_launches = 0
        if lost.failed_to_start and self._launch.failed_starts + 1 >= MOST_FAILED_STARTS:
            raise Misconfigured(f"{MOST_FAILED_STARTS} containers in a row have failed to start. {lost.reason}")
        why = "Waiting for capacity" if lost.lacked_capacity else "Launched again"
        goes_on = await self._begin_next_launch(
            f"{why}: {lost.reason}", was_refused=lost.lacked_capacity, failed_to_start=lost.failed_to_start
        )
        return await self._launch_until_there(is_stopped=False) if goes_on else None

    def _lifetime(self, lost: ContainerExit) -> float:
        """How long it ran, in seconds; where the platform does not tell, since it was launched or found."""
        if lost.ran_for is not None:
            return lost.ran_for.total_seconds()
        return 0.0 if lost.failed_to_start or lost.lacked_capacity else time.monotonic() - self._launched

    async def _launch_until_there(self, *, is_stopped: bool) -> Container | None:
        while True:
            try:
                details = await self._withdraw() if is_stopped else await self._launch_or_find()
            except NoCapacity as error:
                goes_on = await self._begin_next_launch(f"Waiting for capacity: {error}", was_refused=True)
            except LaunchIsLost as error:
                goes_on = await self._begin_next_launch(f"Launched again: {error}", was_refused=False)
            else:
                return None if details is None else await self._record_container(details)
            if not goes_on:
                return None

    async def _stop(self, container: Container) -> None:
        with _retried_until_repaired():
            await self._end(container)

    async def _end(self, container: Container) -> None:
        await self._tools.provisioner.stop(container)

    async def _withdraw(self) -> ContainerDetails | None:
        with _retried_until_repaired():
            return await self._tools.provisioner.withdraw(self._name, age=self._age)

    async def _launch_or_find(self) -> ContainerDetails:
        """A refusal counts only if nothing was launched before it under the same name, by a try that died."""
        may_be_there = not self._launch.is_new
        try:
            with self._record_launch():
                return await self._tools.provisioner.launch(self._container_request(), age=self._age)
        except (FunctionFailure, Misconfigured):
            details = await self._withdraw() if may_be_there else None
            if details is None:
                raise
            return details

    @contextlib.contextmanager
    def _record_launch(self) -> Iterator[None]:
        start, error = datetime.now(UTC), None
        try:
            yield
        except ContainerError as refusal:
            error = str(refusal)
            raise
        finally:
            self._tools.spans.record_launch(self._request.trace, self._launch_name, start=start, error=error)

    async def _record_container(self, details: ContainerDetails) -> Container:
        container = Container(name=self._name, details=details)
        if not await self._note_container(details):
            await self._stop(container)
        self._launched = time.monotonic()
        await self._report_wait(None)
        return container

    async def _note_container(self, details: ContainerDetails) -> bool:
        """False if it must not run."""
        launched = Container(name=self._launch_name, details=details)
        async with self._tools.database.statement() as connection:
            return await LaunchRepository(connection).record_container(launched)

    async def _begin_next_launch(self, reason: str, *, was_refused: bool, failed_to_start: bool = False) -> bool:
        """Record the next launch with its reason, and wait, longer each time, until a stop at the latest.

        False if the execution is to have no further container.
        """
        execution_id = self._request.execution_id
        logger.warning("execution_has_no_container", execution_id=execution_id, launch=self.launch, reason=reason)
        async with self._tools.listener.subscribe((EXECUTIONS_CHANNEL, execution_id)) as notified:
            async with self._tools.database.statement() as connection:
                launch = await LaunchRepository(connection).begin_another(
                    self._launch_name, reason=reason, was_refused=was_refused, failed_to_start=failed_to_start
                )
            if launch is None:
                return False
            if launch.is_new:
                metrics.LAUNCHES_REPEATED.labels("no_capacity" if was_refused else "lost").inc()
            self._adopt_launch(launch)
            await self._report_wait(reason)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await notified.wait()
        async with self._tools.database.statement() as connection:
            state = await LaunchRepository(connection).state(execution_id, invocation_id=self._request.invocation_id)
        return state.is_known and not state.must_stop

    def _adopt_launch(self, launch: Launch) -> None:
        self._launch = launch
        self._noted_at = time.monotonic() - launch.age.total_seconds()

    def _pause(self) -> float:
        """In seconds, exponential, and random within half of it, as hundreds may wait for the same capacity."""
        failures = max(self._failed_launches, self._launch.failed_starts - 1)  # an earlier try may have seen some
        longest = min(2.0**failures, _LONGEST_PAUSE_SECONDS)
        self._failed_launches = min(failures + 1, 10)
        return random.uniform(longest / 2, longest)

    async def _report_wait(self, reason: str | None) -> None:
        """Have the workflow show in the Web UI what its execution waits for; None: for nothing."""
        if reason != self._waits_for:
            self._waits_for = reason
            awaited = ContainerAwaited(execution_id=self._request.execution_id, reason=shortened(reason))
            await self._tools.messenger.signal_container_awaited(self._request.invocation_id, awaited)

    @property
    def _launch_name(self) -> ContainerName:
        """The launch, as the catalog and its span have it."""
        return ContainerName(execution_id=self._request.execution_id, launch=self.launch)

    @property
    def _name(self) -> ContainerName:
        """Its container, as the provisioner has it."""
        return self._launch_name

    @property
    def _age(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._noted_at)

    def _container_request(self) -> ContainerRequest:
        function = self._assignment.function
        return ContainerRequest(
            name=self._name,
            function=function.ref,
            invocation_id=self._request.invocation_id,
            docker_image=function.docker_image,
            prepared_identifier=self._prepared.identifier,
            resource_spec=function.resource_spec,
            command=function.command,
            environment=function.environment,
            token=execution_token(self._tools.signing_key, self._request.execution_id),
            platform=function.platform,
            interruptions=self._launch.interruptions,
            without_capacity=self._launch.without_capacity,
            traceparent=None if self._request.trace is None else str(self._request.trace.below(str(self._name))),
        )
