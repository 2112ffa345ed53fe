"""What a user declares about a function: resources, limits, retries. Values only; bounds are checked at the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from control_plane_server.domain.identifiers import FunctionName
from control_plane_server.domain.platforms import NO_PLATFORM, Platform
from control_plane_server.domain.reuse import ReuseSpec
from control_plane_server.domain.schedules import ScheduleSpec


class Concurrency(StrEnum):
    """Whether `max_concurrency` is of each version by itself, or of all READY versions of the function that say so
    together: then the number of the one declared last counts."""

    VERSION = "version"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSpec:
    """CPU in virtual CPUs, memory in GB (1 GB = 1,024 MiB), how many executions may run at once, and of what."""

    virtual_cpus: float
    memory_gbs: float
    max_concurrency: int
    concurrency: Concurrency = Concurrency.VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSpec:
    """Retries after the first attempt, the timeout from the invocation's creation, and the back-off, all in seconds.

    `attempt_timeout_seconds`: of one execution, from its start. `queue_timeout_seconds`: from the invocation's creation
    until its first execution has a slot. None: no such limit. `retry_jitter`: by which part of itself a back-off may be
    shorter or longer. `no_retry_on`: no attempt follows a failure of which the error message begins with one of these,
    up to its first colon. `resume_children`: a later attempt finds the children of earlier ones.
    """

    max_retries: int
    timeout_seconds: int
    retry_initial_interval_seconds: float = 1.0
    retry_backoff_coefficient: float = 2.0
    retry_max_interval_seconds: float = 60.0
    attempt_timeout_seconds: int | None = None
    queue_timeout_seconds: int | None = None
    retry_jitter: float = 0.0
    no_retry_on: tuple[str, ...] = ()
    resume_children: bool = False

    def with_queue_timeout(self, seconds: int | None) -> "ExecutionSpec":
        """With that of an invocation in place of the function's. None: as it is."""
        return self if seconds is None else replace(self, queue_timeout_seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """A function as declared in a version. `command` None: the image itself speaks the worker protocol.
    `signature`: JSON Schema of its arguments, as text, so that its keys keep their order. `environment`: texts by the
    names of their variables; `secrets`: names of the project's secrets, or ARNs, by those of their variables.
    `reuse`: None: each execution has a container of its own. `schedules`: that call it."""

    function_name: FunctionName
    docker_image: str
    resource_spec: ResourceSpec
    execution_spec: ExecutionSpec
    command: tuple[str, ...] | None = None
    signature: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict)
    platform: Platform = NO_PLATFORM
    reuse: ReuseSpec | None = None
    schedules: tuple[ScheduleSpec, ...] = ()
