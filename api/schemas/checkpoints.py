"""Checkpoints on the wire: what the code of an invocation has saved for its next container or attempt."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from api.schemas.blobs import BlobIdText
from api.schemas.bounded import CheckpointValue
from api.schemas.times import epoch_seconds
from control_plane_server.domain import entities

_LARGEST_LAUNCH = 2**31 - 1  # that its column holds


class CheckpointPayload(BaseModel):
    """`value`: any text, JSON as a rule; empty if it is in a blob, `value_blob`: one of kind `checkpoint` of this
    execution, completely uploaded. `launch`: as the answer to the start of the execution had it, so that a container in
    whose place another one has come saves nothing; null: it is not known. `sequence`: a number that grows from one save
    of a container to its next, so that one which is sent again cannot take the place of a later one; null: the last
    that comes stays."""

    value: CheckpointValue
    value_blob: BlobIdText | None = None
    launch: Annotated[int, Field(ge=0, le=_LARGEST_LAUNCH)] | None = None
    sequence: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None

    @model_validator(mode="after")
    def _has_one_value(self) -> Self:
        if self.value_blob is not None and self.value:
            raise ValueError("value must be empty if value_blob is set")
        return self


class CheckpointInfo(BaseModel):
    """`attempt`: whose code saved it, counted from 1. `value_blob`: of a value that is too large for an answer: then
    `value` is empty."""

    value: str
    attempt: int
    save_time: int
    value_blob: str | None

    @classmethod
    def of(cls, checkpoint: entities.Checkpoint) -> Self:
        return cls(
            value=checkpoint.value,
            attempt=checkpoint.attempt,
            save_time=epoch_seconds(checkpoint.save_time),
            value_blob=checkpoint.blob_id,
        )


class SavedCheckpoint(BaseModel):
    """That there is one: `size` in bytes, and `attempt`, whose code saved it, counted from 1."""

    attempt: int
    save_time: int
    size: int

    @classmethod
    def of(cls, checkpoint: entities.CheckpointSummary | None) -> Self | None:
        if checkpoint is None:
            return None
        return cls(attempt=checkpoint.attempt, save_time=epoch_seconds(checkpoint.save_time), size=checkpoint.size)
