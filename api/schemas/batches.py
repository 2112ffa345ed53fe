"""Batches on the wire."""

from typing import Annotated, Self

from pydantic import BaseModel, Field

from api.schemas.bounded import Input, ResumeKeys
from api.schemas.invocations import InvocationCounts, ParentInvocationDefinition
from api.schemas.submit_options import SubmitOptions
from api.schemas.times import epoch_seconds, optional_epoch_seconds
from control_plane_server.catalog.batches import BatchPage, NewBatch
from control_plane_server.domain import batches, bounds
from control_plane_server.domain.entities import InvocationStatus


class BatchDefinition(SubmitOptions):
    """One invocation for each input, in this order. The parent must be an invocation of the same project and version;
    under `latest` the version is the parent's. `resume_keys`: idempotency keys of earlier attempts. If the request has
    a key of its own that is new, and one of these has made a batch by an equal request, that one is the answer, however
    it ended, and none is made. All other fields are as in InvocationDefinition, of each invocation."""

    # Only the first invalid input is reported: collecting the mistakes of ten thousand would take seconds.
    inputs: Annotated[list[Input], Field(fail_fast=True, min_length=1, max_length=bounds.MAX_BATCH_INPUTS)]
    parent_invocation: ParentInvocationDefinition | None = None
    resume_keys: ResumeKeys = Field(default=[])

    def to_domain(self) -> NewBatch:
        return NewBatch(
            inputs=self.inputs,
            parent=None if self.parent_invocation is None else self.parent_invocation.to_domain(),
            options=self.options(),
            resume_keys=self.resume_keys,
        )


class BatchInfo(BaseModel):
    """`version_id` and `function_name` are null of a replay, whose invocations may be of several."""

    project_name: str
    version_id: str | None
    function_name: str | None
    batch_id: str
    parent_invocation: ParentInvocationDefinition | None
    size: int
    status: InvocationStatus
    creation_time: int
    last_update_time: int
    cancellation_request_time: int | None
    counts: InvocationCounts

    @classmethod
    def of(cls, batch: batches.Batch) -> Self:
        return cls(
            project_name=batch.function.project_name,
            version_id=None if batch.is_replay else batch.function.version_id,
            function_name=None if batch.is_replay else batch.function.function_name,
            batch_id=batch.batch_id,
            parent_invocation=ParentInvocationDefinition.of(batch.parent),
            size=batch.size,
            status=batch.status,
            creation_time=epoch_seconds(batch.creation_time),
            last_update_time=epoch_seconds(batch.last_update_time),
            cancellation_request_time=optional_epoch_seconds(batch.cancellation_request_time),
            counts=InvocationCounts.of(batch.counts),
        )


class CreatedBatch(BatchInfo):
    """`is_resumed`: whether it was found by one of the `resume_keys`: a batch of an earlier attempt."""

    is_resumed: bool

    @classmethod
    def of_request(cls, batch: batches.Batch, *, is_resumed: bool) -> Self:
        return cls(**dict(BatchInfo.of(batch)), is_resumed=is_resumed)


class BatchesListForFunction(BaseModel):
    project_name: str
    version_id: str
    function_name: str
    batches: list[BatchInfo]
    next_offset: str | None

    @classmethod
    def of(cls, page: BatchPage) -> Self:
        return cls(
            project_name=page.function.project_name,
            version_id=page.function.version_id,
            function_name=page.function.function_name,
            batches=[BatchInfo.of(batch) for batch in page.batches],
            next_offset=page.next_offset,
        )
