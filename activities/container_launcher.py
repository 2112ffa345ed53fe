"""Sees to it that an execution has its container: found, launched, and launched again where infrastructure took it."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from activities import metrics
from activities.errors import shortened
from activities.execution_spans import ExecutionSpans
from activities.messenger import Messenger
from catalog.database import Database
from catalog.execution_lifecycle.launches import Launch, LaunchRepository
from catalog.execution_lifecycle.slots import Assignment
from catalog.notifications import EXECUTIONS_CHANNEL, NotificationListener
from domain.containers import Container, ContainerExit, ContainerName, ContainerRequest
from domain.entities import ContainerDetails, PreparedFunction
from domain.errors import ContainerError, FunctionFailure, LaunchIsLost, Misconfigured, NoCapacity, Unavailable
from domain.execution_tokens import execution_token
from domain.messages import ContainerAwaited, RunExecutionRequest
from provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

_LONGEST_PAUSE_SECONDS = 30.0
# A container that was there for longer than this is replaced at once, however many were lost before it.
_GOOD_LIFE_SECONDS = 60.0


@contextlib.contextmanager
def _retried_until_repaired() -> Iterator[None]:
    """What keeps us from a container that may be there is tried until it works: its slot is not free before."""
    try:
        yield
    except Misconfigured as error:
        raise Unavailable(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchTools:
    """What every execution of a process is launched with."""

    database: Database
    provisioner: Provisioner
    listener: NotificationListener
    messenger: Messenger
    signing_key: str = field(repr=False)
    spans: ExecutionSpans


class ContainerLauncher:
    """The launches of one execution, as far as one try of its activity goes on with them.

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
        self._misses = 0

    @property
    def launch(self) -> int:
        """The number of the launch that this try has come to."""
        return self._launch.number

    async def ensure_container(self) -> Container | None:
        """The execution's container: the one that an earlier try noted, or launched as soon as there is capacity.

        None if it must have none.
        """
        if self._assignment.container is None:
            return await self._launch_until_there(is_stopped=self._assignment.is_stopped)
        container = Container(name=self._name, details=self._assignment.container)
        if self._assignment.is_stopped:  # the stop may not have reached it
            await self._stop(container)
        return container

    async def replace_container(self, lost: ContainerExit) -> Container | None:
        """Another container for the one that infrastructure took away. None if there must be no further one."""
        if time.monotonic() - self._launched > _GOOD_LIFE_SECONDS:
            self._misses = 0
        if not await self._begin_next_launch(f"Launched again: {lost.reason}", was_refused=False):
            return None
        return await self._launch_until_there(is_stopped=False)

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
            self._tools.spans.record_launch(self._request.trace, self._name, start=start, error=error)

    async def _record_container(self, details: ContainerDetails) -> Container:
        container = Container(name=self._name, details=details)
        async with self._tools.database.statement() as connection:
            may_run = await LaunchRepository(connection).record_container(container)
        if not may_run:
            await self._stop(container)
        self._launched = time.monotonic()
        await self._report_wait(None)
        return container

    async def _begin_next_launch(self, reason: str, *, was_refused: bool) -> bool:
        """Note the next launch and why there has to be one, and wait a little, longer each time, but not beyond a stop.

        False if the execution is to have no further container.
        """
        execution_id = self._request.execution_id
        logger.warning("execution_has_no_container", execution_id=execution_id, launch=self.launch, reason=reason)
        async with self._tools.listener.subscribe((EXECUTIONS_CHANNEL, execution_id)) as notified:
            async with self._tools.database.statement() as connection:
                launch = await LaunchRepository(connection).begin_another(
                    self._name, reason=reason, was_refused=was_refused
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
        self._noted = time.monotonic() - launch.age.total_seconds()

    def _pause(self) -> float:
        """Exponential, in seconds. Drawn: hundreds may wait for the same thing."""
        longest = min(2.0**self._misses, _LONGEST_PAUSE_SECONDS)
        self._misses = min(self._misses + 1, 10)
        return random.uniform(longest / 2, longest)

    async def _report_wait(self, reason: str | None) -> None:
        """The workflow shows to whoever looks at it what its execution waits for."""
        if reason != self._waits_for:
            self._waits_for = reason
            awaited = ContainerAwaited(execution_id=self._request.execution_id, reason=shortened(reason))
            await self._tools.messenger.signal_container_awaited(self._request.invocation_id, awaited)

    @property
    def _name(self) -> ContainerName:
        return ContainerName(execution_id=self._request.execution_id, launch=self.launch)

    @property
    def _age(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._noted)

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
            token=execution_token(self._tools.signing_key, self._request.execution_id),
            traceparent=None if self._request.trace is None else str(self._request.trace.below(str(self._name))),
        )
