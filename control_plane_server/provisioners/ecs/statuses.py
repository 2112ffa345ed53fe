"""Why a task is gone, from what ECS says of it: its stop code first, then its reason, and the exit code last.

Source: Amazon ECS developer guide, "Stopped tasks error messages". Before STOPPED, exit codes mean nothing; and a task
that Spot takes back may exit with any code, 0 included.
"""

import re
import signal
from typing import TYPE_CHECKING

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.provisioners.ecs.failures import NO_CAPACITY
from control_plane_server.provisioners.ecs.requests import CONTAINER
from control_plane_server.provisioners.ecs.runtime_volume import RUNTIME_CONTAINER
from control_plane_server.provisioners.exit_reasons import stop_reason

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import ContainerTypeDef, TaskTypeDef

OUR_STOP_REASON = "Stopped by the control plane"

_TAKEN_BY_INFRASTRUCTURE = frozenset({"SpotInterruption", "TerminationNotice", "InfrastructureHealth"})
_ENDED = frozenset({"STOPPED", "DELETED"})
_SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}
_OUT_OF_MEMORY = "OutOfMemoryError"

# Of tasks that failed to start, the first that matches counts.
_PASSES_BY_ITSELF = re.compile(
    r"time(d)? ?out|i/o timeout|deadline exceeded|rate (limit|exceeded)|throttl|too ?many ?requests|connection reset"
    r"|TLS handshake|unexpected EOF|temporar|service unavailable|internal (server )?error|status(?: code)?:? 5\d\d"
    r"|no such host|connection (refused|issue)|network is unreachable",
    re.IGNORECASE,
)
_RETRIES = re.compile(r"pull image manifest has been retried \d+ time\(s\):")  # says nothing
_NO_SUCH_IMAGE = re.compile(r"not found|manifest|does not exist|invalid reference|descriptor|platform", re.IGNORECASE)
_NO_SUCH_PROGRAM = re.compile(
    r"executable file not found|no such file or directory|exec format error|permission denied: unknown", re.IGNORECASE
)
_NOT_ALLOWED = re.compile(
    r"denied|unauthorized|forbidden|not authorized|no basic auth|unable to assume|has the permissions", re.IGNORECASE
)
_INFRASTRUCTURE = re.compile(r"ContainerRuntime|CannotStartContainer|CannotInspect|CannotCreateVolume", re.IGNORECASE)


def exit_of(task: "TaskTypeDef") -> ContainerExit | None:
    """Why a task ended; None until it is STOPPED."""
    if task.get("lastStatus") not in _ENDED:
        return None
    code, reason = task.get("stopCode", ""), task.get("stoppedReason", "")
    container = _container(task, CONTAINER)
    exit_code = container.get("exitCode")
    if code in _TAKEN_BY_INFRASTRUCTURE or "Spot Task was interrupted" in reason:
        return ContainerExit(cause=ExitCause.LOST, reason=f"{code}: {reason}", exit_code=exit_code)
    if code == "UserInitiated":
        is_ours = reason == OUR_STOP_REASON
        return ContainerExit(
            cause=ExitCause.STOPPED if is_ours else ExitCause.EXITED,
            reason=stop_reason(exit_code) if is_ours else f"stopped from outside: {reason}",
            exit_code=exit_code,
        )
    if (problem := _failed_copy(task)) is not None:
        return problem
    if code == "TaskFailedToStart":
        return _failed_start(" ".join(filter(None, (reason, container.get("reason")))))
    return ContainerExit(cause=ExitCause.EXITED, reason=_own_end(task, container, reason), exit_code=exit_code)


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
    passes = NO_CAPACITY.search(reason) or _PASSES_BY_ITSELF.search(reason)
    return ContainerExit(
        cause=ExitCause.LOST if passes else ExitCause.MISCONFIGURED,
        reason=f"The program that runs commands could not be copied from CONTROL_PLANE_IMAGE: {problem}",
        lacked_capacity=NO_CAPACITY.search(reason) is not None,
    )


def _failed_start(reason: str) -> ContainerExit:
    lacked_capacity = NO_CAPACITY.search(reason) is not None
    if lacked_capacity or _PASSES_BY_ITSELF.search(reason):
        cause = ExitCause.LOST
    elif _NO_SUCH_PROGRAM.search(reason) or (
        # Registries that hide what exists deny it: "repository does not exist or may require authorization".
        "CannotPull" in reason
        and _NO_SUCH_IMAGE.search(_RETRIES.sub("", reason))
    ):
        cause = ExitCause.EXITED
    elif "ResourceInitializationError" in reason or _NOT_ALLOWED.search(reason):
        cause = ExitCause.MISCONFIGURED
    elif _INFRASTRUCTURE.search(reason):
        cause = ExitCause.LOST
    else:
        cause = ExitCause.EXITED
    return ContainerExit(cause=cause, reason=f"The task failed to start: {reason}", lacked_capacity=lacked_capacity)


def _own_end(task: "TaskTypeDef", container: "ContainerTypeDef", reason: str) -> str:
    if _OUT_OF_MEMORY in container.get("reason", ""):
        return f"killed for using more than its {task.get('memory', '')} MiB of memory"
    match container.get("exitCode"):
        case None:
            return ": ".join(filter(None, (task.get("stopCode"), reason, container.get("reason"))))
        case 0:
            return "exited without a result"
        case code if code - 128 in _SIGNAL_NAMES:
            return f"killed by {_SIGNAL_NAMES[code - 128]}"
        case code:
            return f"exit code {code}"


def _container(task: "TaskTypeDef", name: str) -> "ContainerTypeDef":
    """Empty where ECS gave up before there was one, or the task has none of this name."""
    nothing: ContainerTypeDef = {}
    return next((found for found in task.get("containers", []) if found.get("name") == name), nothing)
