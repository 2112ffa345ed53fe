"""Waits for a container's end, and sees to it that one which must end does."""

import asyncio
import contextlib
import random
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from catalog.database import Database
from catalog.execution_lifecycle.launches import LaunchRepository
from catalog.notifications import CONTAINERS_CHANNEL, EXECUTIONS_CHANNEL, NotificationListener
from domain.containers import Container, ContainerExit
from domain.errors import Misconfigured, Unavailable
from domain.identifiers import InvocationId
from liveness.background import in_background
from liveness.progress import note_progress
from provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

# As a rule a container is gone within this after its report, and the catalog need not be asked.
_USUAL_EXIT = timedelta(seconds=1)
# What was told to stop is killed after its grace period, and as a rule gone within this after that.
USUAL_STOP = timedelta(seconds=30)
# Waiting for a container is no standstill, however long it takes.
_STEP = timedelta(minutes=1)
# A notification may be lost, however unlikely: then what it was about is seen this much later.
_LONGEST_UNASKED = timedelta(minutes=5)
# Longer than any provisioner tries.
_CALL_LIMIT = timedelta(minutes=2)
# While the catalog cannot be asked, or the provisioner cannot be told.
_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deadline:
    """When to stop the container, perhaps once more. `is_doubtful`: only because the catalog did not know it; it may be
    in the middle of a restore."""

    at: float
    is_doubtful: bool


class _Faults:
    """When to try again what failed: later each time. Drawn, as hundreds may wait for the same thing."""

    def __init__(self, container: Container, *, first_pause: timedelta, longest_pause: timedelta) -> None:
        self._container = container
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self.clear()

    def clear(self) -> None:
        self._pause = timedelta()
        self.retry_at: float | None = None

    def note(self, error: Exception) -> None:
        """Logged whenever the pause gets longer."""
        pause = min(2 * self._pause, self._longest_pause) or self._first_pause
        if pause > self._pause:
            logger.warning(
                "container_may_linger", container=str(self._container.name), reason=str(error) or "no answer"
            )
        self._pause = pause
        self.retry_at = _after(pause * random.uniform(0.5, 1))


class ContainerWatch:
    """Watches containers. The catalog is asked once for each, and again when there is news of it, or none for long."""

    def __init__(
        self,
        *,
        database: Database,
        provisioner: Provisioner,
        listener: NotificationListener,
        grace: timedelta,
        usual_stop: timedelta = USUAL_STOP,
        longest_unasked: timedelta = _LONGEST_UNASKED,
        call_limit: timedelta = _CALL_LIMIT,
        first_pause: timedelta = _FIRST_PAUSE,
        longest_pause: timedelta = _LONGEST_PAUSE,
    ) -> None:
        """`grace`: how long a container may go on after its outcome, and after it was told to stop. Once it should be
        gone and is not, it is told again, after `usual_stop` each time. `longest_unasked`: until the catalog is asked
        though nothing was notified. `call_limit`: for the provisioner to be told. `first_pause` and `longest_pause`:
        before what failed is tried again."""
        self._database = database
        self._provisioner = provisioner
        self._listener = listener
        self._grace = grace
        self._longest_stop = grace + usual_stop
        self._longest_unasked = longest_unasked
        self._call_limit = call_limit
        self._first_pause = first_pause
        self._longest_pause = longest_pause

    async def wait_for_exit(self, container: Container, invocation_id: InvocationId) -> ContainerExit:
        """Why the invocation's container is gone. Cancelling the wait leaves the container alone."""
        watching = asyncio.create_task(self._provisioner.wait_for_exit(container))
        try:
            async with in_background("stop enforcement", partial(self._enforce_stops, container, invocation_id)):
                while not watching.done():
                    await asyncio.wait((watching,), timeout=_STEP.total_seconds())
                    note_progress()
                return watching.result()
        finally:
            watching.cancel()

    async def _enforce_stops(self, container: Container, invocation_id: InvocationId) -> None:
        """Whenever there is news of the container, look at it soon; stop it, and stop it again, if it stays too
        long."""
        topics = ((EXECUTIONS_CHANNEL, container.name.execution_id), (CONTAINERS_CHANNEL, container.details.identifier))
        faults = _Faults(container, first_pause=self._first_pause, longest_pause=self._longest_pause)
        deadline: _Deadline | None = None
        async with self._listener.subscribe(*topics) as notified:
            notified.set()  # the container may have reported before anybody listened
            while True:
                look_at = _after(self._longest_unasked)
                with contextlib.suppress(TimeoutError):
                    due_at = look_at if deadline is None else min(look_at, deadline.at)
                    async with asyncio.timeout_at(due_at if faults.retry_at is None else faults.retry_at):
                        await notified.wait()
                try:
                    if notified.is_set() or deadline is None or _after(timedelta()) < deadline.at:
                        notified.clear()
                        self._provisioner.check_soon(container)
                        await asyncio.sleep(_USUAL_EXIT.total_seconds())
                        if deadline is None:
                            deadline = await self._deadline(container, invocation_id)
                            faults.clear()
                    else:
                        if faults.retry_at is None:
                            logger.warning("container_lingers", container=str(container.name))
                        deadline = await self._stop(container, invocation_id, deadline)
                        faults.clear()
                except (Unavailable, Misconfigured, TimeoutError) as error:
                    faults.note(error)

    async def _deadline(self, container: Container, invocation_id: InvocationId) -> _Deadline | None:
        """A notification is a hint: the listener wakes everyone when it is back after a fault."""
        async with self._database.statement() as connection:
            repository = LaunchRepository(connection)
            state = await repository.state(container.name.execution_id, invocation_id=invocation_id)
        if state.must_stop:
            return _Deadline(at=_after(self._longest_stop), is_doubtful=not state.is_known)
        return _Deadline(at=_after(self._grace), is_doubtful=False) if state.has_reported else None

    async def _stop(self, container: Container, invocation_id: InvocationId, due: _Deadline) -> _Deadline | None:
        """Returns when to stop it again. What is doubtful is looked for first, and not stopped if it is found."""
        if due.is_doubtful:
            found = await self._deadline(container, invocation_id)
            if found is None or not found.is_doubtful:
                return found
        async with asyncio.timeout(self._call_limit.total_seconds()):
            await self._provisioner.stop(container)
        return _Deadline(at=_after(self._longest_stop), is_doubtful=due.is_doubtful)


def _after(time: timedelta) -> float:
    return asyncio.get_running_loop().time() + time.total_seconds()
