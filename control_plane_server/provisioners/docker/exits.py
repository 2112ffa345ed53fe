"""Why a container is gone, from what the engine knows of it."""

import signal
from datetime import datetime
from typing import Any

from control_plane_server.domain.containers import ContainerExit, ExitCause
from control_plane_server.provisioners.exit_reasons import out_of_memory_reason, stop_reason

GONE = ContainerExit(cause=ExitCause.LOST, reason="The container is gone: the engine does not know it any more")
_BY_A_SIGNAL = 128
_NOT_STARTED = {126: "the program cannot be executed", 127: "the program was not found"}  # as shells and inits say it
_UNKNOWN = 255  # what the engine notes of a container that ended while it was down itself
_KILLED_WITH_THE_ENGINE = (_BY_A_SIGNAL + signal.SIGKILL, _BY_A_SIGNAL + signal.SIGTERM, _UNKNOWN)


def has_started(container: dict[str, Any]) -> bool:
    """Whether it runs or ran."""
    return str(container["State"]["Status"]) != "created"


def has_ended(container: dict[str, Any]) -> bool:
    return container["State"]["Status"] in ("exited", "dead")


def ended_before(container: dict[str, Any], moment: float) -> bool:
    """Whether it ended before that moment, in seconds since 1970. One that never ran ended when it began to exist."""
    if not has_started(container):
        return datetime.fromisoformat(container["Created"]).timestamp() < moment
    return has_ended(container) and _finish_time(container).timestamp() < moment


def may_have_died_with_engine(container: dict[str, Any]) -> bool:
    """Whether the container may have been killed because its engine was stopped."""
    state = container["State"]
    return state["ExitCode"] in _KILLED_WITH_THE_ENGINE and not state["OOMKilled"]


def exit_of(container: dict[str, Any], *, was_stopped: bool, engine_start: datetime | None) -> ContainerExit:
    """Of one that has ended. `engine_start`: when the engine came up last, None if that is not known.

    A container that was killed and had begun and ended before that was killed with its engine.
    """
    state = container["State"]
    code = int(state["ExitCode"])
    if was_stopped:
        return ContainerExit(cause=ExitCause.STOPPED, reason=stop_reason(code), exit_code=code)
    if state["OOMKilled"] and code != 0:
        limit = container["HostConfig"]["Memory"] // (1_024 * 1_024)
        return ContainerExit(cause=ExitCause.EXITED, reason=out_of_memory_reason(limit), exit_code=code)
    if may_have_died_with_engine(container) and engine_start is not None and _finish_time(container) <= engine_start:
        return ContainerExit(cause=ExitCause.LOST, reason="The Docker engine was started again", exit_code=code)
    if code == 0:
        return ContainerExit(cause=ExitCause.EXITED, reason="exited without a result", exit_code=0)
    return ContainerExit(cause=ExitCause.EXITED, reason=_describe(code), exit_code=code)


def _describe(code: int) -> str:
    """A program can exit with such a code by itself, too."""
    if code in _NOT_STARTED:
        return f"exit code {code} ({_NOT_STARTED[code]})"
    try:
        return f"exit code {code} ({signal.Signals(code - _BY_A_SIGNAL).name})"
    except ValueError:
        return f"exit code {code}"


def _finish_time(container: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(container["State"]["FinishedAt"])
