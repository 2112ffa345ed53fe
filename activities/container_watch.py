"""Waits for a container's end, and stops a container that should have ended."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from activities.faults import Faults, after
from activities.watch_times import CALL_LIMIT, FIRST_PAUSE, LONGEST_PAUSE, LONGEST_UNASKED, STEP, USUAL_STOP
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.attempt_timeouts import AttemptTimeoutRepository
from control_plane_server.catalog.execution_lifecycle.launches import ContainerState, LaunchRepository
from control_plane_server.catalog.notifications import CONTAINERS_CHANNEL, EXECUTIONS_CHANNEL, NotificationListener
from control_plane_server.domain.containers import Container, ContainerExit
from control_plane_server.domain.errors import Misconfigured, Unavailable
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.liveness.background import in_background
from control_plane_server.liveness.progress import note_progress
from control_plane_server.provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

# As a rule a container is gone within this after its report, and the catalog need not be asked.
_USUAL_EXIT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deadline:
    """When to stop the container, or stop it again: `at`, in seconds of the event loop's clock. `is_doubtful`: only as
    the catalog did not know the execution, which may be because it is being restored. `is_of_attempt`: the attempt may
    have timed out by then, which the catalog knows. `is_first`: nothing has told the container to stop yet."""

    at: float
    is_doubtful: bool = False
    is_of_attempt: bool = False
    is_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """`attempt_timeout`: from the execution's start; None: it has none."""

    container: Container
    invocation_id: InvocationId
    attempt_timeout: timedelta | None


class ContainerWatch:
    """Watches containers. The catalog is read when a watch begins, after notifications, and at long intervals."""

    def __init__(
        self,
        *,
        database: Database,
        provisioner: Provisioner,
        listener: NotificationListener,
        grace: timedelta,
        usual_stop: timedelta = USUAL_STOP,
        longest_unasked: timedelta = LONGEST_UNASKED,
        call_limit: timedelta = CALL_LIMIT,
        first_pause: timedelta = FIRST_PAUSE,
        longest_pause: timedelta = LONGEST_PAUSE,
    ) -> None:
        """`grace`: how long a container may go on after its outcome, and after it was told to stop. If it is not
        seen gone then, within the time that the platform takes for that, it is stopped again, after `usual_stop` each
        time. `longest_unasked`: until the catalog is asked
        though nothing was notified. `call_limit`: for a stop by the provisioner. `first_pause` and `longest_pause`:
        before what failed is tried again."""
        self._database = database
        self._provisioner = provisioner
        self._listener = listener
        self._grace = grace + provisioner.usual_end
        self._longest_stop = self._grace + usual_stop
        self._longest_unasked = longest_unasked
        self._call_limit = call_limit
        self._first_pause = first_pause
        self._longest_pause = longest_pause

    async def wait_for_exit(
        self, container: Container, invocation_id: InvocationId, *, attempt_timeout: timedelta | None = None
    ) -> ContainerExit:
        """Wait until the container is gone, and return why. Cancelling the wait leaves the container alone.

        `attempt_timeout`: from the execution's start; then it is recorded as timed out, and the container stopped.
        Raises what `Provisioner.wait_for_exit` raises.
        """
        watching = asyncio.create_task(self._provisioner.wait_for_exit(container))
        try:
            watched = _Watched(container=container, invocation_id=invocation_id, attempt_timeout=attempt_timeout)
            async with in_background("stop enforcement", partial(self._enforce_stops, watched)):
                while not watching.done():
                    await asyncio.wait((watching,), timeout=STEP.total_seconds())
                    note_progress()
                return watching.result()
        finally:
            watching.cancel()

    async def _enforce_stops(self, watched: _Watched) -> None:
        """After each notification about the container, have it polled soon; stop it, repeatedly, if it stays too
        long."""
        container = watched.container
        topics = ((EXECUTIONS_CHANNEL, container.name.execution_id), (CONTAINERS_CHANNEL, container.details.identifier))
        faults = Faults(container, first_pause=self._first_pause, longest_pause=self._longest_pause)
        deadline: _Deadline | None = None
        has_outcome = False
        async with self._listener.subscribe(*topics) as notified:
            notified.set()  # the container may have reported before this subscription
            while True:
                recheck_at = after(self._longest_unasked)
                with contextlib.suppress(TimeoutError):
                    due_at = recheck_at if deadline is None else min(recheck_at, deadline.at)
                    async with asyncio.timeout_at(due_at if faults.retry_at is None else faults.retry_at):
                        await notified.wait()
                try:
                    if notified.is_set() or deadline is None or after(timedelta()) < deadline.at:
                        notified.clear()
                        self._provisioner.check_soon(container)
                        await asyncio.sleep(_USUAL_EXIT.total_seconds())
                        if deadline is None or deadline.is_of_attempt or not has_outcome:
                            state = await self._state(watched)
                            if state.has_outcome and not has_outcome:
                                has_outcome = True
                                self._provisioner.check_soon(container, has_outcome=True)
                            if deadline is None or deadline.is_of_attempt:
                                deadline = self._deadline_of(watched, state)
                            faults.clear()
                    elif deadline.is_of_attempt:
                        deadline = await self._time_out_attempt(watched)
                        faults.clear()
                    else:
                        if faults.retry_at is None and not deadline.is_first:
                            logger.warning("container_lingers", container=str(container.name))
                        deadline = await self._stop(watched, deadline)
                        faults.clear()
                except (Unavailable, Misconfigured, TimeoutError) as error:
                    faults.note(error)

    async def _state(self, watched: _Watched) -> ContainerState:
        """Read from the catalog, as a notification is only a hint: the listener also wakes all after a lost
        connection."""
        async with self._database.statement() as connection:
            repository = LaunchRepository(connection)
            return await repository.state(watched.container.name.execution_id, invocation_id=watched.invocation_id)

    async def _deadline(self, watched: _Watched) -> _Deadline | None:
        return self._deadline_of(watched, await self._state(watched))

    def _deadline_of(self, watched: _Watched, state: ContainerState) -> _Deadline | None:
        if state.must_stop:
            return _Deadline(at=after(self._longest_stop), is_doubtful=not state.is_known)
        if state.has_reported:
            return _Deadline(at=after(self._grace))
        if watched.attempt_timeout is None or not state.is_known:
            return None
        # One that has not started yet cannot time out before this: nothing tells us when it starts.
        left = watched.attempt_timeout - (state.running_for or timedelta())
        return _Deadline(at=after(left), is_of_attempt=True)

    async def _time_out_attempt(self, watched: _Watched) -> _Deadline | None:
        """Recorded before the container is stopped: a process that dies in between leaves it to the next."""
        assert watched.attempt_timeout is not None
        execution_id = watched.container.name.execution_id
        async with self._database.statement() as connection:
            is_over = await AttemptTimeoutRepository(connection).time_out(execution_id, after=watched.attempt_timeout)
        if not is_over:
            return await self._deadline(watched)
        logger.info("attempt_timed_out", execution_id=execution_id)
        return _Deadline(at=after(timedelta()), is_first=True)

    async def _stop(self, watched: _Watched, due: _Deadline) -> _Deadline | None:
        """Returns when to stop it again. If the deadline is doubtful, the catalog is read once more first."""
        if due.is_doubtful:
            found = await self._deadline(watched)
            if found is None or not found.is_doubtful:
                return found
        async with asyncio.timeout(self._call_limit.total_seconds()):
            await self._provisioner.stop(watched.container)
        return _Deadline(at=after(self._longest_stop), is_doubtful=due.is_doubtful)
