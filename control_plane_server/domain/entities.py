"""The catalog's entities as read back from it. Times are aware datetimes in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from control_plane_server.domain.identifiers import (
    BatchId,
    BlobId,
    ExecutionId,
    FunctionName,
    FunctionRef,
    InvocationId,
    ProjectName,
    VersionId,
)
from control_plane_server.domain.platforms import NO_PLATFORM, Platform
from control_plane_server.domain.reuse import ReuseSpec
from control_plane_server.domain.schedules import ScheduleSpec
from control_plane_server.domain.specs import ExecutionSpec, ResourceSpec
from control_plane_server.domain.submit_options import SubmitOptions


class FunctionStatus(StrEnum):
    PENDING = "PENDING"
    READY = "READY"


class VersionStatus(StrEnum):
    """PENDING: functions of it are being prepared. REFUSED: one never will be READY."""

    PENDING = "PENDING"
    READY = "READY"
    REFUSED = "REFUSED"


class InvocationStatus(StrEnum):
    RUNNING = "RUNNING"
    TERMINATED = "TERMINATED"


class ContainerStatus(StrEnum):
    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    TERMINATED = "TERMINATED"


class ExecutionOutcome(StrEnum):
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"


class InvocationOutcome(StrEnum):
    """How an invocation ended: what users and operators search for."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"


class ContainerType(StrEnum):
    """What clients see as `type`; the published client knows these two only, so every provisioner but ecs is TEST."""

    AWS_ECS = "AWS_ECS"
    TEST = "TEST"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFunction:
    """What a provisioner made of a function once and for all (on ECS: its task definition's ARN)."""

    type: ContainerType
    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDetails:
    """A started container: where the provisioner finds it, and where its logs are."""

    type: ContainerType
    identifier: str
    logs_identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Since when nothing that waits begins. `until`: None: until it is resumed."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """`deletion_request_time`: when a client asked for the deletion last; None if nobody did. `pause`: None: it is not
    paused."""

    project_name: ProjectName
    creation_time: datetime
    deletion_request_time: datetime | None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """`creation_time`: of its version. `prepared`: None until it is READY. `preparation_error`: why it never will be
    READY. `pause`: its own; None: it is not paused."""

    ref: FunctionRef
    creation_time: datetime
    docker_image: str
    resource_spec: ResourceSpec
    execution_spec: ExecutionSpec
    command: tuple[str, ...] | None
    status: FunctionStatus
    prepared: PreparedFunction | None
    preparation_error: str | None
    signature: str | None = None  # JSON Schema of its arguments, as text; None also where it was not read
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # empty also where it was not read
    secrets: Mapping[str, str] = field(default_factory=dict)  # names of the project's, or ARNs, by their variables
    platform: Platform = NO_PLATFORM
    reuse: ReuseSpec | None = None  # None: each execution has a container of its own
    pause: Pause | None = None
    schedules: tuple[ScheduleSpec, ...] = ()  # as declared; empty also where they were not read


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary:
    """`is_latest`: whether `latest` is this one."""

    version_id: VersionId
    creation_time: datetime
    status: VersionStatus
    is_latest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """With its functions in the order in which they were declared. `is_latest`: whether `latest` is this one."""

    project_name: ProjectName
    version_id: VersionId
    creation_time: datetime
    functions: tuple[Function, ...]
    is_latest: bool

    @property
    def status(self) -> VersionStatus:
        if any(function.preparation_error is not None for function in self.functions):
            return VersionStatus.REFUSED
        if any(function.status is FunctionStatus.PENDING for function in self.functions):
            return VersionStatus.PENDING
        return VersionStatus.READY


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRef:
    function_name: FunctionName
    invocation_id: InvocationId


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentInvocation:
    """The parent of an invocation with its live state."""

    ref: ParentRef
    cancellation_request_time: datetime | None
    status: InvocationStatus
    creation_time: datetime
    last_update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One attempt of an invocation, counted from 1. `launches`: how many containers were started for it.

    `termination_signal_time`: when it was told to stop. `output`: of the latest report. `execution_start_time` and
    `execution_finish_time`: of the user's code in the current container, as that reported them.
    """

    execution_id: ExecutionId
    attempt: int
    launches: int
    container_status: ContainerStatus
    container_details: ContainerDetails | None
    termination_signal_time: datetime | None
    outcome: ExecutionOutcome | None
    output: str | None
    error_message: str | None
    error_traceback: str | None
    creation_time: datetime
    last_update_time: datetime
    execution_start_time: datetime | None
    execution_finish_time: datetime | None
    launch_time: datetime | None  # when its newest launch was noted, before it was sent
    newest_launch: int  # its number, counted from 1, with those that started no container; 0 before the first
    queued_ms: int | None  # how long it waited for its slot; None: releases wrote none once
    is_retryable: bool  # False: its failure is final
    output_blob_id: BlobId | None = None  # then `output` is None
    is_warm_start: bool | None = None  # whether its container was there before; None: it has one of its own

    @property
    def starting(self) -> timedelta | None:
        """From its slot until its container started it, or its end; None until then."""
        until = self.execution_start_time or self._end_time
        return None if until is None else until - self.creation_time

    @property
    def running(self) -> timedelta | None:
        """From its start until it finished, or its end; None until then, and if it never started."""
        until = self.execution_finish_time or self._end_time
        return None if until is None or self.execution_start_time is None else until - self.execution_start_time

    @property
    def _end_time(self) -> datetime | None:
        return self.last_update_time if self.container_status is ContainerStatus.TERMINATED else None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationTotals:
    """Of all executions of an invocation; of one that runs, until now."""

    attempts: int
    queued_ms: int
    starting_ms: int
    running_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationCounts:
    """Of invocations, each counted once. `queued`: without a slot, the back-off of a retry included."""

    queued: int
    running: int
    by_outcome: Mapping[InvocationOutcome, int]

    @property
    def total(self) -> int:
        return self.queued + self.running + sum(self.by_outcome.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationSummary:
    """`error_message`: its first line, at most 500 characters."""

    invocation_id: InvocationId
    parent: ParentRef | None
    cancellation_request_time: datetime | None
    status: InvocationStatus
    outcome: InvocationOutcome | None
    error_message: str | None
    totals: InvocationTotals
    batch_id: BatchId | None
    options: SubmitOptions
    creation_time: datetime
    last_update_time: datetime
    schedule_name: str | None = None  # None: no schedule has made it
    replayed_from: InvocationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSummary:
    """`attempt`: whose code saved it. `size`: of the value as JSON, in bytes."""

    attempt: int
    save_time: datetime
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`value`: JSON as a rule; empty if it is in a blob."""

    value: str
    attempt: int
    save_time: datetime
    blob_id: BlobId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """An invocation with its function and its executions, oldest first. `outcome`: None while it is RUNNING.
    `time_out`: what it waited for, if it has timed out."""

    invocation_id: InvocationId
    function: Function
    parent: ParentInvocation | None
    input: str
    cancellation_request_time: datetime | None
    status: InvocationStatus
    outcome: InvocationOutcome | None
    time_out: str | None
    totals: InvocationTotals
    batch_id: BatchId | None
    options: SubmitOptions
    not_before: datetime | None  # the end of its delay; None: it has none
    creation_time: datetime
    last_update_time: datetime
    executions: tuple[Execution, ...]
    checkpoint: CheckpointSummary | None = None
    input_blob_id: BlobId | None = None  # then `input` is empty
    schedule_name: str | None = None  # None: no schedule has made it
    scheduled_time: datetime | None = None  # for which of the schedule's times
    replayed_from: InvocationId | None = None  # which may be deleted by now

    @property
    def error_message(self) -> str | None:
        """Why it did not succeed: None while it is RUNNING, and if nothing said it."""
        if self.outcome is None or self.outcome is InvocationOutcome.SUCCEEDED:
            return None
        last = self.executions[-1].error_message if self.executions else None
        return self.time_out or last

    @property
    def is_settled(self) -> bool:
        """Whether its outcome is known: no further attempt can change it, even if a container still has to go."""
        if self.status is InvocationStatus.TERMINATED:
            return True
        return any(
            execution.outcome in (ExecutionOutcome.SUCCEEDED, ExecutionOutcome.ABORTED)
            or (
                execution.outcome is ExecutionOutcome.FAILED
                and (not execution.is_retryable or execution.attempt > self.function.execution_spec.max_retries)
            )
            for execution in self.executions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionDetail:
    """One execution with what its container must know of its invocation and function. `invocation_creation_time`: with
    a delay its end, as the container counts the timeout from it."""

    execution: Execution
    function: Function
    invocation_id: InvocationId
    input: str
    cancellation_request_time: datetime | None
    invocation_creation_time: datetime
    input_blob_id: BlobId | None = None  # then `input` is empty
    schedule_name: str | None = None  # None: no schedule has made its invocation
    scheduled_time: datetime | None = None  # for which of the schedule's times
