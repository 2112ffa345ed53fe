"""Pauses on the wire."""

import time
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field

from api.schemas.times import epoch_seconds, optional_epoch_seconds
from control_plane_server.domain.bounds import MAX_EPOCH_SECONDS
from control_plane_server.domain.entities import Pause


def _in_the_future(until: int | None) -> int | None:
    if until is not None and until <= time.time():
        raise ValueError("until must be in the future")
    return until


class PauseDefinition(BaseModel):
    """`until`: when it resumes by itself, in epoch seconds; null: not before it is resumed."""

    until: Annotated[int | None, Field(le=MAX_EPOCH_SECONDS), AfterValidator(_in_the_future)] = None

    @property
    def end(self) -> datetime | None:
        return None if self.until is None else datetime.fromtimestamp(self.until, UTC)


class PauseInfo(BaseModel):
    """`function_name`: null: it is of the whole project. `paused_since`: null: it is not paused. `paused_until`: null:
    until it is resumed."""

    project_name: str
    function_name: str | None
    paused_since: int | None
    paused_until: int | None

    @classmethod
    def of(cls, pause: Pause | None, *, project_name: str, function_name: str | None = None) -> Self:
        return cls(
            project_name=project_name,
            function_name=function_name,
            paused_since=None if pause is None else epoch_seconds(pause.since),
            paused_until=None if pause is None else optional_epoch_seconds(pause.until),
        )
