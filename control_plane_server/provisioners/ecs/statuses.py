"""Why a task is gone, from what ECS says of it: its stop code first, then its reason, and the exit code last.

Source: Amazon ECS developer guide, "Stopped tasks error messages". Before STOPPED, exit codes mean nothing; and a task
that Spot takes back may exit with any code, 0 included. A task that ended without an exit code never ran, as far as
anyone can tell: `failed_starts` says why.
"""

import re
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.provisioners.ecs.failed_starts import UNKNOWN, failure_of
from control_plane_server.provisioners.ecs.requests import CONTAINER
from control_plane_server.provisioners.ecs.runtime_volume import RUNTIME_CONTAINER
from control_plane_server.provisioners.exit_reasons import stop_reason

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import ContainerTypeDef, TaskTypeDef

OUR_STOP_REASON = "Stopped by the control plane"
LATE_START_REASON = "Stopped by the control plane, as it had not started in time"

_TAKEN_BY_INFRASTRUCTURE = frozenset({"SpotInterruption", "TerminationNotice", "InfrastructureHealth"})
_ENDED = frozenset({"STOPPED", "DELETED"})
_SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}
_OUT_OF_MEMORY = re.compile(r"out ?of ?memory|oom[- ]?kill", re.IGNORECASE)
# What loses its container sooner, and has no exit code for it, may do so each time.
_GOOD_LIFE = timedelta(minutes=1)
# Whatever the stop code: AWS documents texts, and public records have other codes with them.
_OF_THE_HOST = re.compile(
    r"\bmaintenance\b|\bretir(?:e|ed|ing|ement)\b|\bpatch(?:ed|ing)\b"
    r"|\bspot\b[^.;]{0,60}(?:interrupt|reclaim|terminat|taken|evict|revok)"
    r"|\b(?:host|hardware|infrastructure|instance)\b[^.;]{0,60}"
    r"(?:terminat|stopped|unhealthy|unreachable|drain|degraded|impaired|decommission|fail|reboot|\blost\b)",
    re.IGNORECASE,
)


def exit_of(task: "TaskTypeDef", *, has_outcome: bool = False) -> ContainerExit | None:
    """Why a task ended; None until it is STOPPED.

    `has_outcome`: its execution has one, so that why it ended changes nothing: it is over once its program has ended,
    half a minute before its network interface is given back and it is STOPPED.
    """
    if task.get("lastStatus") not in _ENDED:
        return _end_of_program(task) if has_outcome else None
    code, reason = task.get("stopCode", ""), task.get("stoppedReason", "")
    exit_code = _container(task, CONTAINER).get("exitCode")
    if code == "UserInitiated" and reason == OUR_STOP_REASON:
        return ContainerExit(cause=ExitCause.STOPPED, reason=stop_reason(exit_code), exit_code=exit_code)
    if code == "UserInitiated" and reason == LATE_START_REASON:
        return _late_start(task)
    if code in _TAKEN_BY_INFRASTRUCTURE or (code != "TaskFailedToStart" and _OF_THE_HOST.search(reason)):
        return _taken(task, exit_code)
    if code == "UserInitiated" and (exit_code is not None or "startedAt" in task):
        return ContainerExit(cause=ExitCause.EXITED, reason=f"stopped from outside: {reason}", exit_code=exit_code)
    return _failed_copy(task) or _end_of(task, _container(task, CONTAINER))


def _taken(task: "TaskTypeDef", exit_code: int | None) -> ContainerExit:
    """By the infrastructure. Where the text alone says so, a task that never ran counts among those that failed to
    start: texts are many."""
    code, ran_for = task.get("stopCode", ""), _ran_for(task)
    return ContainerExit(
        cause=ExitCause.LOST,
        reason=f"{code}: {task.get('stoppedReason', '')}",
        exit_code=exit_code,
        failed_to_start=code not in _TAKEN_BY_INFRASTRUCTURE and exit_code is None and ran_for is None,
        ran_for=ran_for,
    )


def _end_of_program(task: "TaskTypeDef") -> ContainerExit | None:
    container = _container(task, CONTAINER)
    if container.get("lastStatus") not in _ENDED and task.get("lastStatus") != "DEPROVISIONING":
        return None
    return ContainerExit(cause=ExitCause.EXITED, reason="ended after its report", exit_code=container.get("exitCode"))


def _late_start(task: "TaskTypeDef") -> ContainerExit:
    """Whatever it has done since it was told to stop, nobody has asked it to."""
    ran_for = _ran_for(task)
    reason = "The task failed to start: it was in ECS's hands for too long without a running container"
    return ContainerExit(cause=ExitCause.LOST, reason=reason, failed_to_start=ran_for is None, ran_for=ran_for)


def _failed_copy(task: "TaskTypeDef") -> ContainerExit | None:
    """What the container that copies our program died of. Then the function's never starts: its reason tells of the
    dependency, and its exit code is 143, though nothing ran (amazon-ecs-agent, pull request 3218)."""
    container = _container(task, RUNTIME_CONTAINER)
    reason, exit_code = container.get("reason", ""), container.get("exitCode")
    has_failed = exit_code != 0 if exit_code is not None else reason != ""
    reason_of_main = _container(task, CONTAINER).get("reason", "")
    if not has_failed or (reason_of_main and "dependency" not in reason_of_main):
        return None
    problem = ": ".join(filter(None, (reason, None if exit_code is None else f"exit code {exit_code}")))
    failure = failure_of(reason) or UNKNOWN
    is_lost = failure.cause is ExitCause.LOST and (failure is not UNKNOWN or exit_code is None)
    return ContainerExit(
        cause=ExitCause.LOST if is_lost else ExitCause.MISCONFIGURED,
        reason=f"The program that runs commands could not be copied from CONTROL_PLANE_IMAGE: {problem}",
        lacked_capacity=failure.lacked_capacity,
        failed_to_start=is_lost and not failure.lacked_capacity,
    )


def _end_of(task: "TaskTypeDef", container: "ContainerTypeDef") -> ContainerExit:
    """By itself; or, if the task failed to start or the container has no exit code, by what is said of that."""
    code, exit_code = task.get("stopCode", ""), container.get("exitCode")
    said = ": ".join(dict.fromkeys(filter(None, (task.get("stoppedReason"), container.get("reason")))))
    failure = failure_of(said)
    has_ended = exit_code is not None and (
        code != "TaskFailedToStart" or (failure is None and "dependency" not in said)
    )
    if has_ended or _OUT_OF_MEMORY.search(said):
        return ContainerExit(cause=ExitCause.EXITED, reason=_own_reason(task, container), exit_code=exit_code)
    what = "The task failed to start" if code == "TaskFailedToStart" else code or "The task ended"
    failure, ran_for = failure or UNKNOWN, _ran_for(task)
    return ContainerExit(
        cause=failure.cause,
        reason=f"{what}: {said or 'AWS gives no reason'}",
        exit_code=exit_code,
        lacked_capacity=failure.lacked_capacity,
        failed_to_start=failure.cause is ExitCause.LOST
        and not failure.lacked_capacity
        and (ran_for is None or ran_for < _GOOD_LIFE),
        ran_for=ran_for,
    )


def _own_reason(task: "TaskTypeDef", container: "ContainerTypeDef") -> str:
    if _OUT_OF_MEMORY.search(f"{task.get('stoppedReason', '')} {container.get('reason', '')}"):
        return f"killed for using more than its {task.get('memory', '')} MiB of memory"
    match container.get("exitCode"):
        case 0:
            return "exited without a result"
        case int(code) if code - 128 in _SIGNAL_NAMES:
            return f"killed by {_SIGNAL_NAMES[code - 128]}"
        case code:
            return f"exit code {code}"


def _ran_for(task: "TaskTypeDef") -> timedelta | None:
    """How long it ran; None if it never did."""
    started = task.get("startedAt")
    if started is None:
        return None
    ended = task.get("executionStoppedAt") or task.get("stoppingAt") or task.get("stoppedAt") or started
    return max(timedelta(), ended - started)


def _container(task: "TaskTypeDef", name: str) -> "ContainerTypeDef":
    """Empty where ECS gave up before there was one, or the task has none of this name."""
    nothing: ContainerTypeDef = {}
    return next((found for found in task.get("containers", []) if found.get("name") == name), nothing)
