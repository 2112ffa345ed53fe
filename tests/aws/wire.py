"""What goes over the stand-in's control API; the stand-in and its client share it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tests.aws.timings import timings

PREFIX = "/_stand_in"
HOLD_IMAGE = "stand-in/hold"
ANSWER_IMAGE = "stand-in/answer"
EC2_PROVIDER = "machines"
MANAGED_PROVIDER = "managed"

# The access keys that the account knows. Whoever has another one may do everything, as tests do.
CONTROL_PLANE_KEY = "control-plane"
DOCTOR_KEY = "doctor"  # the control plane's rights, and those to look
ADMINISTRATOR_KEY = "administrator"

Document = dict[str, Any]

_TIMINGS = timings()


class Settings(BaseModel):
    """How fast things go and what AWS would take hours for. All times in seconds; those of a task's states are a
    hundredth of Fargate's by default, see `timings`."""

    model_config = ConfigDict(validate_assignment=True, extra="forbid")

    provisioning_seconds: float = _TIMINGS["provisioning_seconds"]
    pulling_seconds: float = _TIMINGS["pulling_seconds"]
    activating_seconds: float = _TIMINGS["activating_seconds"]
    noticing_seconds: float = _TIMINGS["noticing_seconds"]  # from a container's own end until ECS says so
    deactivating_seconds: float = _TIMINGS["deactivating_seconds"]
    stopping_seconds: float = _TIMINGS["stopping_seconds"]
    deprovisioning_seconds: float = _TIMINGS["deprovisioning_seconds"]

    visibility_delay_seconds: float = 0.0  # after RunTask, in which DescribeTasks and ListTasks do not see a task
    stopped_task_seconds: float = 3_600.0  # how long a stopped task is described
    token_seconds: float = 86_400.0  # a client token is forgotten after the shorter of this …
    token_seconds_after_end: float = 3_600.0  # … and this after the last of its tasks stopped
    stop_timeout_scale: float = 1.0  # of the task definition's stopTimeout
    spot_notice_seconds: float = 2.0  # two minutes on AWS

    log_interval_seconds: float = 0.1  # between two PutLogEvents of a container
    log_tail_delay_seconds: float = 0.0  # after the container's end, when its last lines arrive
    answer_seconds: float = 0.0  # how long `stand-in/answer` works, unless STAND_IN_ANSWER_SECONDS says it
    memory_check_seconds: float = 0.2

    event_delay_seconds: float = 0.0
    sends_every_state: bool = False  # to the queue, also what the account's rule does not let through
    event_copies: int = 1  # how often the queue gets each event: 0 loses all, 2 doubles all
    has_rate_limits: bool = True  # AWS's documented token buckets, at their own pace; each setting of it fills them


FaultKind = Literal[
    "error", "lose_response", "refuse", "hang", "delay", "failures", "fail_to_start", "start_late", "never_start"
]


class Fault(BaseModel):
    """Something that goes wrong with an action, for a number of calls, a time, or until it is cleared.

    `error` answers `code` and `message` with the HTTP `status` and does nothing; `lose_response` does it and cuts the
    connection; `refuse` cuts it at once; `hang` never answers; `delay` takes `seconds` longer.

    Four are of RunTask's alone. `failures` answers HTTP 200 with `message` as the reason and no task; with a
    `capacity_provider` only where that one is to run the tasks. The others meet tasks, as many as `calls`, and of all
    tasks only one in `one_in`: with `fail_to_start` they end in TaskFailedToStart after `seconds`, with `message` and
    `more_messages` in turn, see `start_failures`; with `start_late` they are PENDING for `seconds` longer, with
    `never_start` until they are stopped.
    """

    model_config = ConfigDict(extra="forbid")

    action: str  # like RunTask; * for all
    kind: FaultKind
    code: str = "ThrottlingException"
    message: str = "Rate exceeded"
    more_messages: tuple[str, ...] = ()
    status: int = 400
    seconds: float = 0.0
    calls: int | None = None
    one_in: int = 1
    capacity_provider: str | None = None
    duration_seconds: float | None = None


class FaultReport(BaseModel):
    """A fault and how many calls it has met so far."""

    id: str
    fault: Fault
    hits: int


class Call(BaseModel):
    """One call of AWS: when it came, what it asked for, and `ok` or the error's code as its result.

    A lost response is `lost`, though the action took effect; `refused` and `hung` ones had none. `task_arns` are those
    that RunTask or StopTask answered, `failures` counts what it answered instead.
    """

    time: float
    seconds: float
    service: str
    action: str
    parameters: dict[str, str | int] = Field(default_factory=dict)
    result: str
    task_arns: list[str] = Field(default_factory=list)
    failures: int = 0


class TaskRecord(BaseModel):
    """A task with all its states; `description` is what DescribeTasks answers, tags and all."""

    arn: str
    status: str
    pid: int | None
    states: list[tuple[float, str]]
    description: Document


class Interruption(BaseModel):
    """What happens to a task from outside: a Spot reclaim, the loss of its host, a StopTask by somebody else with a
    `reason`, its disappearance without a trace (MISSING), or the end of a simulated container with an `exit_code`."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["spot", "infrastructure", "stop", "vanish", "end"]
    reason: str = "stopped by somebody else"
    exit_code: int = 0
