"""Batches, and results as they are told one by one: of a batch, or of invocations that somebody waits for."""

from dataclasses import dataclass
from datetime import datetime

from control_plane_server.domain.entities import InvocationCounts, InvocationOutcome, InvocationStatus, ParentRef
from control_plane_server.domain.identifiers import BatchId, BlobId, ExecutionId, FunctionRef, InvocationId
from control_plane_server.domain.specs import ExecutionSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Many invocations that were created by one request, of one function. A replay's are of any functions of the
    project, each with its own limits; `function` is that of the first then."""

    batch_id: BatchId
    function: FunctionRef
    execution_spec: ExecutionSpec
    parent: ParentRef | None
    size: int
    creation_time: datetime
    last_update_time: datetime
    cancellation_request_time: datetime | None
    completion_time: datetime | None
    counts: InvocationCounts
    is_replay: bool = False
    not_before: datetime | None = None  # as of its invocations

    @property
    def status(self) -> InvocationStatus:
        return InvocationStatus.RUNNING if self.completion_time is None else InvocationStatus.TERMINATED


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationReport:
    """How an invocation came out. The execution is the one that succeeded, else the last one; None: there was none.

    `attempts`: how many executions there were, up to that one.
    """

    invocation_id: InvocationId
    outcome: InvocationOutcome
    output: str | None
    error_message: str | None
    error_traceback: str | None
    execution_id: ExecutionId | None
    attempts: int
    output_blob_id: BlobId | None = None  # then `output` is None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """`position`: in the order in which the batch's invocations ended, from 1 without gaps. `index`: of its input, from
    0."""

    position: int
    index: int
    report: InvocationReport
