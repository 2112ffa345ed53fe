"""What crosses Temporal: one request and one result per workflow, activity and signal.

Fields are only ever added, with defaults; never renamed or retyped. Functions' inputs and outputs stay in the catalog.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from control_plane_server.domain.entities import ExecutionOutcome, InvocationOutcome
from control_plane_server.domain.identifiers import (
    BatchId,
    ExecutionId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    ScheduleId,
)
from control_plane_server.domain.specs import ExecutionSpec
from control_plane_server.domain.traces import InvocationTrace


class StopReason(StrEnum):
    """Why an invocation is made to stop."""

    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"


class AttemptState(StrEnum):
    """What one call of `run_execution` came to."""

    QUEUED = "QUEUED"  # no slot was free: wait for `slot_granted`, then call again with the same execution
    REFUSED = "REFUSED"  # the invocation is stopped or has ended: no further attempt
    ENDED = "ENDED"  # the container is gone and what it left is recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRequest:
    """Input of `InvocationWorkflow`.

    `resumes`: of `first_attempt` a container may be running: the workflow replaces one that Temporal has lost, or
    whoever submitted the invocation may have leased it a container that was idle. `not_before`: it does not begin
    earlier, and its time-outs count from then on; None: from its creation. `has_slot`: of `first_attempt` the slot is
    granted already.
    """

    invocation_id: InvocationId
    function: FunctionRef
    execution_spec: ExecutionSpec
    creation_time: datetime
    parent_invocation_id: InvocationId | None = None
    traceparent: str | None = None  # of the span that it came from; None: no spans are recorded
    first_attempt: int = 1
    resumes: bool = False
    not_before: datetime | None = None
    has_slot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResult:
    """`executions`: how many attempts there were."""

    ending: InvocationOutcome
    executions: int
    error_message: str | None = None  # shortened: the whole text is in the catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class RunExecutionRequest:
    """Input of `run_execution`. `attempt` counts the user's attempts from 1.

    `raises_failure`: the workflow reads a FailedAttempt. Those of earlier releases await every attempt's result.
    `has_slot`: it was granted one, so that is looked for first.
    """

    invocation_id: InvocationId
    execution_id: ExecutionId
    attempt: int
    is_last_attempt: bool
    trace: InvocationTrace | None = None
    raises_failure: bool = False
    has_slot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunExecutionResult:
    """`invocation_ended`, `outcome` and `error_message`: with ENDED only. No outcome: the container reported none."""

    state: AttemptState
    invocation_ended: bool = False
    outcome: ExecutionOutcome | None = None
    error_message: str | None = None  # shortened
    was_stopped: bool | None = None  # whether the catalog had it stopped when the execution ended; None: unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempt:
    """What the failure of `run_execution` carries, where the attempt failed: what it would have returned."""

    result: RunExecutionResult


@dataclass(frozen=True, slots=True, kw_only=True)
class StopInvocationRequest:
    """Input of `stop_invocation`: make the stop durable, then stop the live container if there is one."""

    invocation_id: InvocationId
    reason: StopReason
    execution_id: ExecutionId | None = None  # which the result is about; None: a version that expects no result
    is_repeated: bool = False  # its end takes longer than usual


@dataclass(frozen=True, slots=True, kw_only=True)
class StopInvocationResult:
    """`is_claimed`: the execution has taken up its slot, so that its end has to be awaited; if not, it never will take
    it.

    `is_at_work`: whether a process runs its activity, as far as Temporal knows. Only repeated stops ask for that.
    """

    is_claimed: bool
    is_at_work: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EndInvocationRequest:
    """Input of `end_invocation`, after which the invocation is TERMINATED, out of the queue and without live
    executions.

    `cancels_workflow`: it has ended before, and its workflow, which is to close as cancelled, is cancelled: nobody has
    done so. Nothing else is done.
    """

    invocation_id: InvocationId
    reason: StopReason | None = None
    trace: InvocationTrace | None = None
    cancels_workflow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndInvocationResult:
    """`error_message`: what the invocation waited for when it timed out; None also if it had ended before. It is
    shortened."""

    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotGranted:
    """Signal `slot_granted`: the execution has a slot now."""

    execution_id: ExecutionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerAwaited:
    """Signal `worker_awaited`. `reason`: why the execution has no container; None: it has one now."""

    execution_id: ExecutionId
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationProgress:
    """Answer of the query `status`. `state`: for people, as the Web UI shows it. `attempt`: counted from 1."""

    state: str
    attempt: int
    max_attempts: int
    execution_id: ExecutionId
    stop_reason: StopReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """Input of `BatchWorkflow`. `is_replay`: its invocations may be of several functions, each with its own limits;
    `function` and `execution_spec` are those of the first."""

    batch_id: BatchId
    function: FunctionRef
    execution_spec: ExecutionSpec
    creation_time: datetime
    size: int
    parent_invocation_id: InvocationId | None = None
    is_replay: bool = False
    not_before: datetime | None = None  # as of its invocations


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceBatchRequest:
    """Input of `advance_batch`. `stop_reason`: why all of the batch is made to stop, of a replay that has timed out
    those whose time is over; None: nothing new stops it. `ends_delay`: it has a delay, which is over: its invocations
    queue up."""

    batch_id: BatchId
    stop_reason: StopReason | None = None
    is_replay: bool = False
    ends_delay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """What `advance_batch` found, when it was done, and the answer of the query `status`. `ended`: how many of the
    batch's invocations have. `next_deadline`: of a replay, when the time of the next of those is over that have not
    begun; None: there is none, or it is no replay."""

    ended: int
    size: int
    is_cancelled: bool = False
    next_deadline: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.ended >= self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparationRequest:
    """Input of `FunctionPreparationWorkflow`: one version's functions, by name."""

    project_name: str
    version_id: str
    function_names: tuple[FunctionName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareFunctionRequest:
    function: FunctionRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareFunctionResult:
    """Either an identifier or the reason why the function can never be prepared."""

    identifier: str | None
    preparation_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionRequest:
    """Input of `ProjectDeletionWorkflow` and its steps. `creation_time` tells the project from a later one of the same
    name."""

    project_name: ProjectName
    creation_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelProjectResult:
    """`running`: how much a deletion has to wait for: invocations that have not ended, preparations that have not said
    what they made, and containers that are kept. `preparing`, `containers`: how many of `running` are preparations and
    such containers; earlier releases do not read them."""

    running: int
    preparing: int = 0
    containers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanUpRequest:
    """Input of `InvocationCleanUpWorkflow`: an invocation and its live execution, if it has one."""

    invocation_id: InvocationId
    execution_id: ExecutionId | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryProgress:
    """What `deliver_due` has done. `attempts`: how many were made. `next_seconds`: until another is due; None: nothing
    is pending."""

    attempts: int
    next_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationResult:
    """How often each kind of repair was made. `forgets_ended`: whether there is a retention, so that `forget_ended` has
    something to do."""

    repairs: dict[str, int]
    forgets_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetEndedResult:
    """How many invocations were deleted."""

    forgotten: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCallRequest:
    """Input of `ScheduledCallWorkflow`. `jitter_seconds`: up to how long it waits before anything else.

    `scheduled_time`: None: Temporal's schedule says it. Else the workflow goes on with the wait of an earlier run.
    """

    schedule_id: ScheduleId
    jitter_seconds: int = 0
    scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScheduledRequest:
    """Input of `call_scheduled`. `has_waited`: it was told before to wait."""

    schedule_id: ScheduleId
    scheduled_time: datetime
    has_waited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScheduledResult:
    """`state`: STARTED, WAITING, SKIPPED or UNKNOWN, as `catalog.schedules.firings` says. `reason`: why it was
    SKIPPED."""

    state: str
    invocation_id: InvocationId | None = None
    reason: str | None = None
