"""Waits until an execution is over in a warm container: it has let go of it, or is gone itself."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta

import structlog

from activities.faults import Faults, after
from activities.warm.leases import DELIVERED_WITHIN, Lease, end_of, end_of_gone, end_of_release
from activities.warm.stops import LeaseStops
from activities.watch_times import CALL_LIMIT, FIRST_PAUSE, LONGEST_PAUSE, LONGEST_UNASKED, STEP, USUAL_STOP
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.attempt_timeouts import AttemptTimeoutRepository
from control_plane_server.catalog.execution_lifecycle.launches import ContainerState, LaunchRepository
from control_plane_server.catalog.notifications import (
    CONTAINERS_CHANNEL,
    EXECUTIONS_CHANNEL,
    NotificationListener,
    Notified,
)
from control_plane_server.catalog.warm_containers.containers import Release
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.domain.errors import Misconfigured, Unavailable
from control_plane_server.liveness.progress import note_progress
from control_plane_server.provisioners.contract import Provisioner

logger = structlog.get_logger(__name__)

# From the end of an execution's process, however it ended, until its container has said so: it may wait for the API.
_RELEASE_PATIENCE = timedelta(seconds=15)
# What was notified before the first look is found then. As a rule nothing was: a shorter one would be in vain.
_FIRST_LOOK = timedelta(seconds=0.5)
# A report is followed by its release so soon that it is no reason to look.
_SETTLED = timedelta(seconds=0.1)
# Of an execution that the catalog does not know.
_LET_GO = ContainerExit(cause=ExitCause.STOPPED, reason="Its container has let go of it")


@dataclass(slots=True, kw_only=True)
class _Run:
    """What one watch has done so far. Times are of the event loop's clock."""

    lease: Lease
    gone: "asyncio.Task[ContainerExit]"
    is_asked_to_stop: bool = False
    stop_at: float | None = None  # when to stop the container again
    unknown_since: float | None = None


class LeaseWatch:
    """Watches leases. The catalog is read after notifications, when something is due, and at long intervals; not for a
    release, of which the notification says all. A lease is released once, and whoever records the end looks again
    whether the launch is the newest."""

    def __init__(
        self,
        *,
        database: Database,
        provisioner: Provisioner,
        listener: NotificationListener,
        grace: timedelta,
        release_patience: timedelta = _RELEASE_PATIENCE,
        usual_stop: timedelta = USUAL_STOP,
        longest_unasked: timedelta = LONGEST_UNASKED,
        first_pause: timedelta = FIRST_PAUSE,
    ) -> None:
        """`grace`: how long an execution may take to stop. `release_patience`: how long after that, or after its
        report, its container may take to let go of it, before that is stopped; again `usual_stop` after it should have
        been gone. `longest_unasked`: until the catalog is asked though nothing was notified. `first_pause`: before what
        failed is tried again."""
        self._database = database
        self._provisioner = provisioner
        self._listener = listener
        self._stops = LeaseStops(database=database, provisioner=provisioner)
        self._release_patience = release_patience
        self._patience = grace + release_patience
        self._longest_stop = grace + provisioner.usual_end + usual_stop
        self._longest_unasked = longest_unasked
        self._first_pause = first_pause

    async def wait_for_end(self, lease: Lease) -> ContainerExit:
        """Why the execution is over in this container; LOST and `is_undelivered` if it has not begun there in time and
        the container is to be told nothing more. Cancelling the wait leaves the container alone.

        Raises what `Provisioner.wait_for_exit` raises.
        """
        topics = (
            (EXECUTIONS_CHANNEL, lease.launch.execution_id),
            (CONTAINERS_CHANNEL, lease.container.details.identifier),
        )
        gone = asyncio.create_task(self._provisioner.wait_for_exit(lease.container))
        run = _Run(lease=lease, gone=gone)
        faults = Faults(lease.container, first_pause=self._first_pause, longest_pause=LONGEST_PAUSE)
        try:
            async with self._listener.subscribe(*topics) as notified:
                gone.add_done_callback(lambda _: notified.set())
                look_at = after(_FIRST_LOOK)
                while True:
                    await _wait(notified, until=look_at)
                    words = await _settled(notified) if notified.is_set() else None
                    released = None if words is None else end_of_release(Release.of_words(words), lease)
                    if released is not None:
                        return released
                    try:
                        found = await self._look(run)
                    except (Unavailable, Misconfigured, TimeoutError) as error:
                        if gone.done() and gone.exception() is error:
                            raise
                        faults.note(error)
                        assert faults.retry_at is not None
                        look_at = faults.retry_at
                        continue
                    if isinstance(found, ContainerExit):
                        return found
                    faults.clear()
                    look_at = min(found, after(self._longest_unasked))
        finally:
            gone.cancel()

    async def _look(self, run: _Run) -> ContainerExit | float:
        """Why it is over, or when to look again, in seconds of the event loop's clock."""
        lease = run.lease
        state = await self._state(lease)
        end = end_of(state, lease)
        if end is not None:
            return end
        if run.gone.done():
            return await self._gone(run, state)
        if not state.is_known:
            return await self._distrust(run, must_stop=state.must_stop)
        run.unknown_since = None
        if state.must_stop:
            return await self._see_to_stop(run, state)
        if state.has_reported:
            left = self._patience - (state.reported_for or timedelta())
            return after(left) if left > timedelta() else await self._stop(run)
        return await self._see_to_begin(run, state)

    async def _state(self, lease: Lease) -> ContainerState:
        async with self._database.statement() as connection:
            return await LaunchRepository(connection).state(
                lease.launch.execution_id, invocation_id=lease.invocation_id
            )

    async def _gone(self, run: _Run, state: ContainerState) -> ContainerExit:
        """The container is gone, and has not let go of the execution."""
        container_exit = run.gone.result()
        container_id = run.lease.container.name.warm_container_id
        has_asked = True
        if container_id is not None:
            launch = run.lease.launch
            async with self._database.statement() as connection:
                leases = LeaseRepository(connection)
                leased = await leases.of_launch(launch.execution_id, launch.launch)
                has_asked = leased is None or leased.has_asked
                await leases.close(container_id, reason=container_exit.reason, is_gone=True)
        return end_of_gone(container_exit, state, run.lease, has_asked=has_asked)

    async def _distrust(self, run: _Run, *, must_stop: bool) -> ContainerExit | float:
        """The catalog does not know the execution, which may be because it is being restored."""
        if not must_stop:
            run.unknown_since = None
            return after(self._longest_unasked)
        if run.unknown_since is None:
            run.unknown_since = after(timedelta())
        due = run.unknown_since + self._longest_stop.total_seconds()
        if after(timedelta()) < due:
            return due
        container_id = run.lease.container.name.warm_container_id
        if container_id is not None:  # in a catalog of before the lease it may be idle, and nobody else would stop it
            async with self._database.statement() as connection:
                await LeaseRepository(connection).close(container_id, reason="the catalog does not know what it runs")
        return await self._stop(run)

    async def _see_to_stop(self, run: _Run, state: ContainerState) -> ContainerExit | float:
        """The execution is to stop: first its container is asked to end it, then the container is stopped."""
        lease = run.lease
        if not run.is_asked_to_stop:
            await self._stops.ask(lease.launch, lease.container, lease.isolation)
            run.is_asked_to_stop = True
        has_begun = state.running_for is not None
        # Until it has begun, nothing of the user's needs a grace period; and an import may hang.
        patience = self._patience if has_begun else self._release_patience
        due = after(patience - (state.stopping_for or timedelta()))
        if not has_begun and lease.deliver_by is not None:
            due = min(due, lease.deliver_by)  # it does not hear us
        return due if after(timedelta()) < due else await self._stop(run)

    async def _see_to_begin(self, run: _Run, state: ContainerState) -> ContainerExit | float:
        """It is to begin in time, if it was idle, and to end in time."""
        lease = run.lease
        due = after(self._longest_unasked)
        if state.running_for is None and lease.deliver_by is not None:
            if after(timedelta()) >= lease.deliver_by:
                return ContainerExit(
                    cause=ExitCause.LOST,
                    reason=f"The container that was kept for it did not begin within {DELIVERED_WITHIN.seconds} s",
                    is_undelivered=True,
                )
            due = lease.deliver_by
        if lease.attempt_timeout is not None:
            # One that has not started yet cannot time out before this: nothing tells us when it starts.
            left = lease.attempt_timeout - (state.running_for or timedelta())
            if left <= timedelta():
                return await self._time_out_attempt(run)
            due = min(due, after(left))
        return due

    async def _time_out_attempt(self, run: _Run) -> float:
        """Recorded before anything is stopped: a process that dies in between leaves it to the next."""
        assert run.lease.attempt_timeout is not None
        execution_id = run.lease.launch.execution_id
        async with self._database.statement() as connection:
            is_over = await AttemptTimeoutRepository(connection).time_out(execution_id, after=run.lease.attempt_timeout)
        if is_over:
            logger.info("attempt_timed_out", execution_id=execution_id)
        return after(timedelta() if is_over else self._first_pause)

    async def _stop(self, run: _Run) -> ContainerExit | float:
        """The container, as nothing else helps; again if it is still there long after. Not if it has let go of the
        execution after all."""
        now = after(timedelta())
        if run.stop_at is not None and now < run.stop_at:
            return run.stop_at
        lease = run.lease
        logger.warning("container_lingers", container=str(lease.container.name))
        async with asyncio.timeout(CALL_LIMIT.total_seconds()):
            is_stopped = await self._stops.end(
                lease.launch, lease.container, reason="it did not let go of its execution"
            )
        if not is_stopped:
            return end_of(await self._state(lease), lease) or _LET_GO
        run.stop_at = after(self._longest_stop)
        return run.stop_at


async def _settled(notified: Notified) -> str | None:
    """What was said beside a notification that has come, or one soon after it: the release."""
    if notified.words is None:
        notified.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLED.total_seconds()):
                await notified.wait()
    words = notified.words
    notified.clear()
    return words


async def _wait(notified: asyncio.Event, *, until: float) -> None:
    """Until it is notified, or so late."""
    while not notified.is_set() and after(timedelta()) < until:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(until, after(STEP))):
                await notified.wait()
        note_progress()
