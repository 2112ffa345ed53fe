"""Invocations on the wire."""

from typing import Any, Self, TypedDict

from pydantic import BaseModel, Field, model_validator

from api.schemas.blobs import BlobIdText
from api.schemas.bounded import Input, ResumeKeys, Text
from api.schemas.checkpoints import SavedCheckpoint
from api.schemas.executions import ExecutionSummary
from api.schemas.functions import ExecutionSpec, PreparedFunctionDetails, ResourceSpec
from api.schemas.submit_options import SubmitOptions, options_on_the_wire
from api.schemas.times import epoch_seconds, optional_epoch_seconds, seconds_of
from api.schemas.webhooks import WebhookDefinition
from control_plane_server.catalog.invocation_pages import InvocationPage
from control_plane_server.catalog.invocations import NewInvocation
from control_plane_server.domain import entities
from control_plane_server.domain.blobs import Blob
from control_plane_server.domain.entities import FunctionStatus, InvocationOutcome, InvocationStatus
from control_plane_server.domain.identifiers import FunctionName, InvocationId


class ParentInvocationDefinition(BaseModel):
    function_name: Text
    invocation_id: Text

    @classmethod
    def of(cls, parent: entities.ParentRef | None) -> Self | None:
        return None if parent is None else cls(function_name=parent.function_name, invocation_id=parent.invocation_id)

    def to_domain(self) -> entities.ParentRef:
        return entities.ParentRef(
            function_name=FunctionName(self.function_name), invocation_id=InvocationId(self.invocation_id)
        )


class InvocationDefinition(SubmitOptions):
    """The parent must be an invocation of the same project and version; under `latest` the version is the parent's.
    `input_blob`: in place of `input`, which is empty or left out then: of this project, completely uploaded and not
    used before. `resume_keys`: idempotency keys of earlier attempts. If the request has a key of its own that is new,
    and one of these has made an invocation by an equal request which has succeeded or still runs, that one is the
    answer, and none is made.

    `queue_timeout_seconds`: in place of that of the function. `tags`: to find it by; their keys have no colon. It
    begins not before `delay_seconds` after the submit, and its time-outs count from then on. `priority`: within the
    function the highest first, then the oldest; each step is worth an hour of waiting. Of those with the same
    `concurrency_key` no more than `concurrency_limit` run at once, 1 unless it is given: within the version's function,
    or within all its versions if these share `max_concurrency`. `webhook`: is told the end, beside the webhooks of the
    project."""

    input: Input
    input_blob: BlobIdText | None = None
    parent_invocation: ParentInvocationDefinition | None = None
    resume_keys: ResumeKeys = Field(default=[])

    @model_validator(mode="before")
    @classmethod
    def _may_leave_input_out(cls, body: Any) -> Any:
        return {"input": "", **body} if isinstance(body, dict) and body.get("input_blob") is not None else body

    @model_validator(mode="after")
    def _has_one_input(self) -> Self:
        if self.input_blob is not None and self.input:
            raise ValueError("input must be empty if input_blob is set")
        return self

    def to_domain(self, input_blob: Blob | None) -> NewInvocation:
        """`input_blob`: the one that it names."""
        return NewInvocation(
            input=self.input,
            input_blob=input_blob,
            parent=None if self.parent_invocation is None else self.parent_invocation.to_domain(),
            options=self.options(),
            resume_keys=self.resume_keys,
        )


class ParentInvocationInfo(BaseModel):
    function_name: str
    invocation_id: str
    cancellation_request_time: int | None
    invocation_status: InvocationStatus
    creation_time: int
    last_update_time: int

    @classmethod
    def of(cls, parent: entities.ParentInvocation | None) -> Self | None:
        if parent is None:
            return None
        return cls(
            function_name=parent.ref.function_name,
            invocation_id=parent.ref.invocation_id,
            cancellation_request_time=optional_epoch_seconds(parent.cancellation_request_time),
            invocation_status=parent.status,
            creation_time=epoch_seconds(parent.creation_time),
            last_update_time=epoch_seconds(parent.last_update_time),
        )


class InvocationCounts(BaseModel):
    """`queued` have no slot, or are between two attempts; `running` have one. The others have ended."""

    queued: int
    running: int
    SUCCEEDED: int
    FAILED: int
    CANCELLED: int
    TIMED_OUT: int
    ABORTED: int

    @classmethod
    def of(cls, counts: entities.InvocationCounts) -> Self:
        return cls(
            queued=counts.queued,
            running=counts.running,
            SUCCEEDED=counts.by_outcome[InvocationOutcome.SUCCEEDED],
            FAILED=counts.by_outcome[InvocationOutcome.FAILED],
            CANCELLED=counts.by_outcome[InvocationOutcome.CANCELLED],
            TIMED_OUT=counts.by_outcome[InvocationOutcome.TIMED_OUT],
            ABORTED=counts.by_outcome[InvocationOutcome.ABORTED],
        )


class TotalsOnTheWire(TypedDict):
    attempts: int
    queued_seconds: float
    starting_seconds: float
    running_seconds: float


def totals_on_the_wire(totals: entities.InvocationTotals) -> TotalsOnTheWire:
    return {
        "attempts": totals.attempts,
        "queued_seconds": seconds_of(totals.queued_ms),
        "starting_seconds": seconds_of(totals.starting_ms),
        "running_seconds": seconds_of(totals.running_ms),
    }


class InvocationInfo(BaseModel):
    """`attempts` counts the executions; the seconds, with milliseconds, are sums over them: without a slot, with a slot
    until the container has started them, and until they finished. Of one that is RUNNING they are until now. `children`
    are counted if that is asked for; null: they were not, or there are none. `checkpoint`: the last one that its code
    has saved; null: none. `input_blob`: of an input that is too large for an answer: then `input` is empty.
    `schedule_name`, `scheduled_time`: the schedule that has called, and for which of its times.
    `replayed_from`: the invocation that this is once more, which may be deleted by now."""

    project_name: str
    version_id: str
    function_name: str
    invocation_id: str
    parent_invocation: ParentInvocationInfo | None
    resource_spec: ResourceSpec
    execution_spec: ExecutionSpec
    function_status: FunctionStatus
    prepared_function_details: PreparedFunctionDetails | None
    preparation_error: str | None
    input: str
    input_blob: str | None
    cancellation_request_time: int | None
    invocation_status: InvocationStatus
    outcome: InvocationOutcome | None
    error_message: str | None
    attempts: int
    queued_seconds: float
    starting_seconds: float
    running_seconds: float
    batch_id: str | None
    replayed_from: str | None
    schedule_name: str | None
    scheduled_time: int | None
    queue_timeout_seconds: int | None
    tags: dict[str, str]
    delay_seconds: int
    priority: int
    concurrency_key: str | None
    concurrency_limit: int | None
    webhook: WebhookDefinition | None
    creation_time: int
    last_update_time: int
    executions: list[ExecutionSummary]
    checkpoint: SavedCheckpoint | None
    children: InvocationCounts | None

    @classmethod
    def of(cls, invocation: entities.Invocation, *, children: entities.InvocationCounts | None = None) -> Self:
        function = invocation.function
        return cls(
            project_name=function.ref.project_name,
            version_id=function.ref.version_id,
            function_name=function.ref.function_name,
            invocation_id=invocation.invocation_id,
            parent_invocation=ParentInvocationInfo.of(invocation.parent),
            resource_spec=ResourceSpec.of(function.resource_spec),
            execution_spec=ExecutionSpec.of(function.execution_spec),
            function_status=function.status,
            prepared_function_details=PreparedFunctionDetails.of(function.prepared),
            preparation_error=function.preparation_error,
            input=invocation.input,
            input_blob=invocation.input_blob_id,
            cancellation_request_time=optional_epoch_seconds(invocation.cancellation_request_time),
            invocation_status=invocation.status,
            outcome=invocation.outcome,
            error_message=invocation.error_message,
            **totals_on_the_wire(invocation.totals),
            batch_id=invocation.batch_id,
            replayed_from=invocation.replayed_from,
            **options_on_the_wire(invocation.options),
            schedule_name=invocation.schedule_name,
            scheduled_time=optional_epoch_seconds(invocation.scheduled_time),
            creation_time=epoch_seconds(invocation.creation_time),
            last_update_time=epoch_seconds(invocation.last_update_time),
            executions=[ExecutionSummary.of(execution) for execution in invocation.executions],
            checkpoint=SavedCheckpoint.of(invocation.checkpoint),
            children=None if children is None else InvocationCounts.of(children),
        )


class InvocationInfoForFunction(BaseModel):
    invocation_id: str
    parent_invocation: ParentInvocationDefinition | None
    cancellation_request_time: int | None
    invocation_status: InvocationStatus
    outcome: InvocationOutcome | None
    error_message: str | None
    attempts: int
    queued_seconds: float
    starting_seconds: float
    running_seconds: float
    batch_id: str | None
    replayed_from: str | None
    queue_timeout_seconds: int | None
    tags: dict[str, str]
    delay_seconds: int
    priority: int
    concurrency_key: str | None
    concurrency_limit: int | None
    schedule_name: str | None
    creation_time: int
    last_update_time: int

    @classmethod
    def of(cls, invocation: entities.InvocationSummary) -> Self:
        return cls(
            invocation_id=invocation.invocation_id,
            parent_invocation=ParentInvocationDefinition.of(invocation.parent),
            cancellation_request_time=optional_epoch_seconds(invocation.cancellation_request_time),
            invocation_status=invocation.status,
            outcome=invocation.outcome,
            error_message=invocation.error_message,
            **totals_on_the_wire(invocation.totals),
            batch_id=invocation.batch_id,
            replayed_from=invocation.replayed_from,
            **options_on_the_wire(invocation.options),
            schedule_name=invocation.schedule_name,
            creation_time=epoch_seconds(invocation.creation_time),
            last_update_time=epoch_seconds(invocation.last_update_time),
        )


class InvocationsListForFunction(BaseModel):
    project_name: str
    version_id: str
    function_name: str
    invocations: list[InvocationInfoForFunction]
    next_offset: str | None

    @classmethod
    def of(cls, page: InvocationPage) -> Self:
        return cls(
            project_name=page.function.project_name,
            version_id=page.function.version_id,
            function_name=page.function.function_name,
            invocations=[InvocationInfoForFunction.of(invocation) for invocation in page.invocations],
            next_offset=page.next_offset,
        )
