"""Lines of a stream of results."""

from typing import Annotated, Self

from pydantic import BaseModel, Field

from api.schemas.bounded import Text
from control_plane_server.domain import bounds
from control_plane_server.domain.batches import InvocationReport
from control_plane_server.domain.entities import InvocationOutcome

_UNKNOWN = "This invocation does not exist"


class AwaitedInvocations(BaseModel):
    invocation_ids: Annotated[
        list[Text], Field(fail_fast=True, min_length=1, max_length=bounds.MAX_AWAITED_INVOCATIONS)
    ]


class ResultLine(BaseModel):
    """`position`: in the order of the stream, from 1. `index`: in the batch's inputs, or in the request, from 0. The
    execution is the one that succeeded, or the last one. `outcome` is null for an invocation that does not exist.
    `output_blob`: of an output that is too large for a line, which is null then."""

    position: int
    index: int
    invocation_id: str
    outcome: InvocationOutcome | None
    output: str | None
    output_blob: str | None
    error_message: str | None
    error_traceback: str | None
    execution_id: str | None
    attempts: int

    @classmethod
    def of(cls, report: InvocationReport, *, position: int, index: int) -> Self:
        return cls(
            position=position,
            index=index,
            invocation_id=report.invocation_id,
            outcome=report.outcome,
            output=report.output,
            output_blob=report.output_blob_id,
            error_message=report.error_message,
            error_traceback=report.error_traceback,
            execution_id=report.execution_id,
            attempts=report.attempts,
        )

    @classmethod
    def of_unknown(cls, invocation_id: str, *, position: int, index: int) -> Self:
        return cls(
            position=position,
            index=index,
            invocation_id=invocation_id,
            outcome=None,
            output=None,
            output_blob=None,
            error_message=_UNKNOWN,
            error_traceback=None,
            execution_id=None,
            attempts=0,
        )
