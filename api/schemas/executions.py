"""Executions on the wire: what their containers report and what everyone reads."""

from typing import Self

from pydantic import BaseModel, model_validator

from api.schemas.blobs import BlobIdText
from api.schemas.bounded import ErrorMessage, ErrorTraceback, Output
from api.schemas.functions import ExecutionSpec, PreparedFunctionDetails, ResourceSpec
from api.schemas.times import epoch_seconds, optional_epoch_seconds, optional_seconds, optional_seconds_of
from api.schemas.workers import WorkerDetails, WorkerStatus
from control_plane_server.catalog.execution_lifecycle.reports import FinalReport
from control_plane_server.domain import containers, entities
from control_plane_server.domain.entities import ExecutionOutcome, FunctionStatus
from control_plane_server.domain.environments import stored


class ExecutionTemporaryResultPayload(BaseModel):
    latest_output: Output


class ExecutionFinalResultPayload(BaseModel):
    """A null final output keeps the latest one. `output_blob`: of an output that is too large for a report: one of
    this execution, completely uploaded. `retry`: false if no other attempt can help where this one failed: then none
    follows."""

    outcome: ExecutionOutcome
    final_output: Output | None = None
    output_blob: BlobIdText | None = None
    error_message: ErrorMessage | None = None
    error_traceback: ErrorTraceback | None = None
    retry: bool = True

    @model_validator(mode="after")
    def _only_failures_have_an_error(self) -> Self:
        if self.outcome is ExecutionOutcome.FAILED and self.error_message is None:
            raise ValueError("error_message must be set if outcome is FAILED")
        if self.outcome is not ExecutionOutcome.FAILED and self.error_message is not None:
            raise ValueError("error_message must not be set unless outcome is FAILED")
        if self.output_blob is not None and self.final_output is not None:
            raise ValueError("final_output must not be set if output_blob is")
        if self.outcome is not ExecutionOutcome.FAILED and self.error_traceback is not None:
            raise ValueError("error_traceback must not be set unless outcome is FAILED")
        return self

    def to_report(self) -> FinalReport:
        """Without the blob."""
        return FinalReport(
            outcome=self.outcome,
            output=self.final_output,
            error_message=self.error_message,
            error_traceback=self.error_traceback,
            is_retryable=self.retry,
        )


class ExecutionSummary(BaseModel):
    """`launches` counts the containers that this execution has started. `output_blob`: of an output that is too large
    for an answer: then `output` is null. `is_warm_start`: whether its container was there before it; null where each
    execution has a container of its own. The seconds, with milliseconds, are those that
    it waited for a slot, then for its container, then ran; null until they are known."""

    execution_id: str
    worker_status: WorkerStatus
    worker_details: WorkerDetails | None
    termination_signal_time: int | None
    outcome: ExecutionOutcome | None
    output: str | None
    error_message: str | None
    error_traceback: str | None
    creation_time: int
    last_update_time: int
    execution_start_time: int | None
    execution_finish_time: int | None
    launches: int
    queued_seconds: float | None
    starting_seconds: float | None
    running_seconds: float | None
    output_blob: str | None
    is_warm_start: bool | None

    @classmethod
    def of(cls, execution: entities.Execution) -> Self:
        return cls(
            execution_id=execution.execution_id,
            worker_status=WorkerStatus(execution.container_status),
            worker_details=WorkerDetails.of(execution.container_details),
            termination_signal_time=optional_epoch_seconds(execution.termination_signal_time),
            outcome=execution.outcome,
            output=execution.output,
            error_message=execution.error_message,
            error_traceback=execution.error_traceback,
            creation_time=epoch_seconds(execution.creation_time),
            last_update_time=epoch_seconds(execution.last_update_time),
            execution_start_time=optional_epoch_seconds(execution.execution_start_time),
            execution_finish_time=optional_epoch_seconds(execution.execution_finish_time),
            launches=execution.launches,
            queued_seconds=optional_seconds_of(execution.queued_ms),
            starting_seconds=optional_seconds(execution.starting),
            running_seconds=optional_seconds(execution.running),
            output_blob=execution.output_blob_id,
            is_warm_start=execution.is_warm_start,
        )


class ExecutionInfo(BaseModel):
    """As ExecutionSummary. `has_secrets`: whether there is something for its container to read at `/environment`.
    `launch`: the number of the newest container that there is or is to be; with a checkpoint it says which one saved
    it. `input_blob`, `output_blob`: of what is too large for an answer: then `input` is empty, `output` null.
    `invocation_creation_time`: from when on the timeout counts: with a delay its end. `schedule_name`,
    `scheduled_time`: the schedule that has called, and for which of its times."""

    project_name: str
    version_id: str
    function_name: str
    invocation_id: str
    execution_id: str
    input: str
    has_secrets: bool
    cancellation_request_time: int | None
    resource_spec: ResourceSpec
    execution_spec: ExecutionSpec
    function_status: FunctionStatus
    prepared_function_details: PreparedFunctionDetails | None
    preparation_error: str | None
    worker_status: WorkerStatus
    worker_details: WorkerDetails | None
    termination_signal_time: int | None
    outcome: ExecutionOutcome | None
    output: str | None
    error_message: str | None
    error_traceback: str | None
    creation_time: int
    last_update_time: int
    execution_start_time: int | None
    execution_finish_time: int | None
    invocation_creation_time: int
    schedule_name: str | None
    scheduled_time: int | None
    launches: int
    launch: int
    queued_seconds: float | None
    starting_seconds: float | None
    running_seconds: float | None
    input_blob: str | None
    output_blob: str | None
    is_warm_start: bool | None

    @classmethod
    def of(cls, detail: entities.ExecutionDetail) -> Self:
        execution = detail.execution
        function = detail.function
        return cls(
            project_name=function.ref.project_name,
            version_id=function.ref.version_id,
            function_name=function.ref.function_name,
            invocation_id=detail.invocation_id,
            execution_id=execution.execution_id,
            input=detail.input,
            has_secrets=bool(stored(function.secrets)),
            cancellation_request_time=optional_epoch_seconds(detail.cancellation_request_time),
            resource_spec=ResourceSpec.of(function.resource_spec),
            execution_spec=ExecutionSpec.of(function.execution_spec),
            function_status=function.status,
            prepared_function_details=PreparedFunctionDetails.of(function.prepared),
            preparation_error=function.preparation_error,
            worker_status=WorkerStatus(execution.container_status),
            worker_details=WorkerDetails.of(execution.container_details),
            termination_signal_time=optional_epoch_seconds(execution.termination_signal_time),
            outcome=execution.outcome,
            output=execution.output,
            error_message=execution.error_message,
            error_traceback=execution.error_traceback,
            creation_time=epoch_seconds(execution.creation_time),
            last_update_time=epoch_seconds(execution.last_update_time),
            execution_start_time=optional_epoch_seconds(execution.execution_start_time),
            execution_finish_time=optional_epoch_seconds(execution.execution_finish_time),
            invocation_creation_time=epoch_seconds(detail.invocation_creation_time),
            schedule_name=detail.schedule_name,
            scheduled_time=optional_epoch_seconds(detail.scheduled_time),
            launches=execution.launches,
            launch=execution.newest_launch,
            queued_seconds=optional_seconds_of(execution.queued_ms),
            starting_seconds=optional_seconds(execution.starting),
            running_seconds=optional_seconds(execution.running),
            input_blob=detail.input_blob_id,
            output_blob=execution.output_blob_id,
            is_warm_start=execution.is_warm_start,
        )


class LogEntry(BaseModel):
    """`time_ms`: when the line was written, in milliseconds since 1970. It and `stream` are null where the platform
    does not know them."""

    time_ms: int | None
    stream: containers.LogStream | None
    line: str

    @classmethod
    def of(cls, entry: containers.LogEntry) -> Self:
        return cls(time_ms=entry.time_ms, stream=entry.stream, line=entry.line)


class ExecutionLogs(BaseModel):
    project_name: str
    version_id: str
    function_name: str
    invocation_id: str
    execution_id: str
    log_lines: list[str]
    log_entries: list[LogEntry]  # the same lines
    next_offset: str | None

    @classmethod
    def of(cls, detail: entities.ExecutionDetail, page: containers.LogPage) -> Self:
        return cls(
            project_name=detail.function.ref.project_name,
            version_id=detail.function.ref.version_id,
            function_name=detail.function.ref.function_name,
            invocation_id=detail.invocation_id,
            execution_id=detail.execution.execution_id,
            log_lines=list(page.lines),
            log_entries=[LogEntry.of(entry) for entry in page.entries],
            next_offset=page.next_offset,
        )
