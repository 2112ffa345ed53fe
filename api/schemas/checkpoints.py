"""Checkpoints on the wire: what the code of an invocation has saved for its next container or attempt."""

from typing import Self

from pydantic import BaseModel

from api.schemas.bounded import CheckpointValue
from api.schemas.times import epoch_seconds
from control_plane_server.domain import entities


class CheckpointPayload(BaseModel):
    """`value`: any text, JSON as a rule. `launch`: as the answer to the start of the execution had it, so that a
    container in whose place another one has come saves nothing; null: it is not known."""

    value: CheckpointValue
    launch: int | None = None


class CheckpointInfo(BaseModel):
    """`attempt`: whose code saved it, counted from 1."""

    value: str
    attempt: int
    save_time: int

    @classmethod
    def of(cls, checkpoint: entities.Checkpoint) -> Self:
        return cls(value=checkpoint.value, attempt=checkpoint.attempt, save_time=epoch_seconds(checkpoint.save_time))


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
