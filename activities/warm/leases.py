"""What is watched of a lease, and when the execution is over in its container."""

from dataclasses import dataclass, replace
from datetime import timedelta

from control_plane.protocol.bounds import IMPORT_TOOK_TOO_LONG

from control_plane_server.catalog.execution_lifecycle.launches import ContainerState
from control_plane_server.catalog.warm_containers.containers import Release
from control_plane_server.domain.containers import Container, ContainerExit, ContainerName, ExitCause
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.reuse import Isolation, import_limit
from control_plane_server.provisioners.exit_reasons import exit_reason, stop_reason

# An idle container is told of a lease within milliseconds, and begins at once. One that has not by then is paused, cut
# off, or dead.
DELIVERED_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """`launch`: of the execution that the container has been given. `deliver_by`: when it should have begun that, in
    seconds of the event loop's clock; None: the container was launched for it, which takes as long as it takes.
    `attempt_timeout`: from the execution's start; None: it has none."""

    container: Container
    launch: ContainerName
    invocation_id: InvocationId
    isolation: Isolation
    deliver_by: float | None = None
    attempt_timeout: timedelta | None = None


def end_of(state: ContainerState, lease: Lease) -> ContainerExit | None:
    """Of an execution that its container has let go of, or that is over whatever that does."""
    if not state.is_known:
        return None
    if state.launch > lease.launch.launch:
        return ContainerExit(cause=ExitCause.LOST, reason="Another process has launched it again")
    if state.is_over:
        return ContainerExit(cause=ExitCause.STOPPED, reason="It had ended before")
    if not state.is_released:
        return None
    return _released(state.exit_code, must_stop=state.must_stop)


def end_of_release(release: Release, lease: Lease) -> ContainerExit | None:
    """As `end_of`, by what was notified. None: it is of another launch."""
    if release.launch != lease.launch.launch:
        return None
    return _released(release.exit_code, must_stop=release.must_stop)


def end_of_gone(
    container_exit: ContainerExit, state: ContainerState, lease: Lease, *, has_asked: bool
) -> ContainerExit:
    """Of an execution whose container is gone and has not let go of it. `has_asked`: for an execution, or its lease is
    not there any more.

    Before it has begun, none of the user's code has run for it: so it costs no attempt that a container was killed
    which was there before, or one that ended in order, told to by a catalog that did not know it or had closed it. But
    the import may end a container that was launched for it, before that ever asks.
    """
    has_begun = state.running_for is not None or state.has_reported
    if has_begun or state.must_stop or container_exit.cause not in (ExitCause.EXITED, ExitCause.STOPPED):
        return container_exit
    if state.is_warm_start:
        return replace(container_exit, cause=ExitCause.LOST)
    limit = import_limit(lease.attempt_timeout)
    if container_exit.exit_code == IMPORT_TOOK_TOO_LONG and limit is not None and not has_asked:
        reason = f"AttemptTimedOut: the import of its module took longer than {limit.total_seconds():g} s"
        return replace(container_exit, reason=reason)
    if container_exit.exit_code != 0 or not has_asked:
        return container_exit
    reason = "The container ended before it had begun the execution"
    return replace(container_exit, cause=ExitCause.LOST, reason=reason, failed_to_start=True)


def _released(exit_code: int | None, *, must_stop: bool) -> ContainerExit:
    if must_stop:
        return ContainerExit(cause=ExitCause.STOPPED, reason=stop_reason(exit_code), exit_code=exit_code)
    return ContainerExit(cause=ExitCause.EXITED, reason=exit_reason(exit_code), exit_code=exit_code)
