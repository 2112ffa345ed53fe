"""Functions, their limits and their retries, declared beside their code; `control-plane deploy` reads it.

import control_plane as cp

@cp.function(cpus=2, memory_gb=8, retries=3, timeout=7200)
def train(rows: int) -> float: ...

cp.command("sort", ["sort", "--numeric-sort"], image="debian:12")
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence, overload

from control_plane.commands import Command
from control_plane.environments import environment_of, secrets_of
from control_plane.functions import Function
from control_plane.reuse import fields_of
from control_plane.schedules import fields_of as fields_of_schedules

if TYPE_CHECKING:
    from datetime import timedelta

    from typing_extensions import Literal, ParamSpec, TypedDict, TypeVar, Unpack

    from control_plane.reuse import Reuse
    from control_plane.schedules import Cron, Every

    P = ParamSpec("P")
    R = TypeVar("R")

    class Limits(TypedDict, total=False):
        """What a function gets. Bounds, and the defaults of the back-off, are those of the REST API, which checks
        them."""

        cpus: float  # default 0.25
        memory_gb: float  # default 0.5; 1 GB = 1,024 MiB
        max_concurrency: int  # containers at once; default 10
        concurrency: Literal["version", "function"]  # of which that is: of each version, or of all together
        timeout: float | timedelta  # seconds from the call on, all attempts included; default an hour
        attempt_timeout: float | timedelta  # seconds of one attempt, from its start on; default none
        queue_timeout: float | timedelta  # seconds from the call until its first container; default none
        retries: int  # after the first attempt; default 0
        retry_delay: float | timedelta  # seconds before the second attempt
        retry_backoff: float  # by which it grows from attempt to attempt
        max_retry_delay: float | timedelta
        retry_jitter: float  # 0 to 1: by which part of itself a delay may be shorter or longer; default 0
        # Failures that no other attempt can help: exceptions, or names of some; of a command also exit codes.
        no_retry_on: Sequence[type[BaseException] | str | int]
        resume_children: bool  # a later attempt finds the children of earlier ones that succeeded; default False
        image: str  # default: the one that is deployed
        reuse: Reuse  # its containers stay for its next executions; default: each execution has one of its own
        schedule: Cron | Every | Sequence[Cron | Every]  # when it is called by the clock; default: never
        environment: Mapping[str, str]  # variables of its containers, which everyone with the key may read
        secrets: Sequence[str] | Mapping[str, str]  # of the project, called as their variables; or {variable: secret}
        storage_gib: int  # of its own disk; this and what follows only where the platform has it
        architecture: Literal["X86_64", "ARM64"]
        gpus: int
        capacity: str  # "on_demand", "spot", "spot_with_fallback", or "provider:NAME" of AWS ECS
        task_role: str  # the ARN of a role in AWS that the operator allows


# All that was declared in this process, in that order.
declared: list[Function[..., Any] | Command] = []

_RESOURCES = {
    "cpus": ("virtual_cpus", 0.25),
    "memory_gb": ("memory_gbs", 0.5),
    "max_concurrency": ("max_concurrency", 10),
    "concurrency": ("concurrency", None),
}
_EXECUTION = {
    "retries": ("max_retries", 0),
    "timeout": ("timeout_seconds", 3_600),
    "attempt_timeout": ("attempt_timeout_seconds", None),
    "queue_timeout": ("queue_timeout_seconds", None),
    "retry_delay": ("retry_initial_interval_seconds", None),
    "retry_backoff": ("retry_backoff_coefficient", None),
    "max_retry_delay": ("retry_max_interval_seconds", None),
    "retry_jitter": ("retry_jitter", None),
    "no_retry_on": ("no_retry_on", None),
    "resume_children": ("resume_children", None),
}
_PLATFORM = {
    "storage_gib": ("ephemeral_storage_gib", None),
    "architecture": ("cpu_architecture", None),
    "gpus": ("gpus", None),
    "capacity": ("capacity", None),
    "task_role": ("task_role_arn", None),
}
_CALLED_BY_ITS_DEF = "a function is called what its def says"
_NAMES = (*_RESOURCES, *_EXECUTION, "image", "reuse", "schedule", "environment", "secrets", *_PLATFORM)


@overload
def function(wrapped: Callable[P, R], /) -> Function[P, R]: ...


@overload
def function(**limits: Unpack[Limits]) -> Callable[[Callable[P, R]], Function[P, R]]: ...


def function(wrapped: Any = None, /, **limits: Any) -> Any:
    """A decorator, with limits or bare: this function can be invoked. It must be a top-level one of its module.

    Raises TypeError for a limit that does not exist, and for what cannot stand in `no_retry_on`; ValueError where more
    containers would be kept ready than may run.
    """
    if wrapped is not None and not callable(wrapped):
        raise TypeError("%s; write @cp.function, not @cp.function(%r)" % (_CALLED_BY_ITS_DEF, wrapped))
    frame = sys._getframe(1)
    file, line = frame.f_code.co_filename, frame.f_lineno
    fields = _fields(limits, has_exit_code=False)

    def declare(wrapped: Callable[P, R]) -> Function[P, R]:
        spec = {"function_name": wrapped.__name__, **fields, **_schedules(limits, wrapped.__name__)}
        made = Function(wrapped, spec=spec, file=file, line=line)
        declared.append(made)
        return made

    return declare if wrapped is None else declare(wrapped)


def command(name: str, words: Sequence[str], **limits: Unpack[Limits]) -> Command:
    """Invocations of this name run a program of the image, which knows nothing of us: its words, without a shell.

    Raises TypeError for words that are one string, and for a limit that does not exist.
    """
    if isinstance(words, str):
        raise TypeError('a command is a list of words: ["sh", "-c", %r] runs a line of shell' % words)
    frame = sys._getframe(1)
    fields = {**_fields(limits, has_exit_code=True), **_schedules(limits, name)}
    spec = {"function_name": name, "command": list(words), **fields}
    made = Command(name, spec=spec, file=frame.f_code.co_filename, line=frame.f_lineno)
    declared.append(made)
    return made


def named(name: str) -> Function[..., Any] | Command | None:
    """What was declared under a name in this process."""
    return next((one for one in declared if one._spec["function_name"] == name), None)


def _fields(limits: Any, *, has_exit_code: bool) -> dict[str, Any]:
    unknown = sorted(set(limits) - set(_NAMES))
    if "name" in unknown:
        raise TypeError("%s; leave name=%r away" % (_CALLED_BY_ITS_DEF, limits["name"]))
    if unknown:
        raise TypeError("there is no limit %r; there are %s" % (unknown[0], ", ".join(_NAMES)))
    if "no_retry_on" in limits:
        limits = {**limits, "no_retry_on": _names(limits["no_retry_on"], has_exit_code=has_exit_code)}
    fields: dict[str, Any] = {
        "resource_spec": _given(_RESOURCES, limits),
        "execution_spec": _given(_EXECUTION, limits),
    }
    if "image" in limits:
        fields["docker_image_override"] = limits["image"]
    if limits.get("reuse") is not None:
        fields["reuse"] = fields_of(limits["reuse"])
        _check_min_idle(fields["reuse"]["min_idle"], fields["resource_spec"]["max_concurrency"])
    if "environment" in limits:
        fields["environment"] = environment_of(limits["environment"])
    if "secrets" in limits:
        fields["secrets"] = secrets_of(limits["secrets"])
    platform = _given(_PLATFORM, limits)
    if platform:
        fields["platform"] = platform
    return fields


def _check_min_idle(min_idle: int, max_concurrency: Any) -> None:
    """Raises ValueError for containers that could never all run something. What else is wrong, the REST API says."""
    if isinstance(max_concurrency, int) and min_idle > max_concurrency:
        raise ValueError(
            "min_idle must not exceed max_concurrency: %d containers would wait, %d may run"
            % (min_idle, max_concurrency)
        )


def _schedules(limits: Mapping[str, Any], function_name: str) -> dict[str, Any]:
    declared = limits.get("schedule")
    return {} if declared is None else {"schedules": fields_of_schedules(declared, function_name)}


def _names(errors: Any, *, has_exit_code: bool) -> list[str]:
    """As error messages begin with them. Raises TypeError."""
    if isinstance(errors, str) or not hasattr(errors, "__iter__"):
        raise TypeError("no_retry_on is a list: no_retry_on=[%s]" % getattr(errors, "__name__", repr(errors)))
    return [_name(error, has_exit_code=has_exit_code) for error in errors]


def _name(error: Any, *, has_exit_code: bool) -> str:
    if isinstance(error, str):
        return error
    if isinstance(error, type) and issubclass(error, BaseException):
        return error.__name__
    if isinstance(error, int) and not isinstance(error, bool) and has_exit_code:
        return "exit code %d" % error
    exit_codes = ", and exit codes" if has_exit_code else "; only a command has exit codes"
    raise TypeError("no_retry_on holds exceptions or their names%s, not %r" % (exit_codes, error))


def _given(names: dict[str, tuple[str, Any]], limits: dict[str, Any]) -> dict[str, Any]:
    """By their names in the REST API; defaults that are its own are left to it."""
    values = {wire: _seconds(limits.get(name, default)) for name, (wire, default) in names.items()}
    return {wire: value for wire, value in values.items() if value is not None}


def _seconds(value: Any) -> Any:
    """Of a timedelta, without importing what may be one; anything else as it is."""
    if not hasattr(value, "total_seconds"):
        return value
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds
