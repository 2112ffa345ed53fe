"""Events of an invocation on the wire, one model per kind."""

from pydantic import BaseModel

from api.schemas.workers import WorkerStatus
from control_plane_server.domain.containers import LogStream
from control_plane_server.domain.entities import ExecutionOutcome, InvocationStatus


class StateEvent(BaseModel):
    """Something has changed at `time`: the invocation, or the execution that is named, which is the latest one."""

    invocation_id: str
    invocation_status: InvocationStatus
    cancellation_requested: bool
    execution_id: str | None
    attempt: int | None
    worker_status: WorkerStatus | None
    execution_start_time: int | None
    outcome: ExecutionOutcome | None
    error_message: str | None
    time: int


class ProgressEvent(BaseModel):
    """The latest temporary output."""

    execution_id: str
    time: int
    output: str


class LogEvent(BaseModel):
    execution_id: str
    line: str
    time_ms: int | None = None
    stream: LogStream | None = None


class EndEvent(BaseModel):
    """The last event."""

    invocation_status: InvocationStatus
    outcome: ExecutionOutcome | None
    output: str | None
    error_message: str | None
