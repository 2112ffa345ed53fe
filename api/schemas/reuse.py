"""How a function's containers are reused, on the wire."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from api.schemas.bounded import IdleSeconds, MaxExecutions, MinIdle
from control_plane_server.domain import reuse
from control_plane_server.domain.reuse import Isolation


class Reuse(BaseModel):
    """A container that has run an execution waits for another one of the same function and version: for `idle_seconds`,
    and `min_idle` of the latest version for as long as it takes. `max_executions`: after so many it is replaced; null:
    any number.

    `isolation`: with "fork" each execution is a process of its own, forked from one that has imported the code and run
    nothing of it; with "process" all of a container's are one process.
    """

    model_config = ConfigDict(extra="forbid")  # what is not known is not to be left out in silence

    idle_seconds: IdleSeconds
    min_idle: MinIdle = 0
    max_executions: MaxExecutions | None = None
    isolation: Isolation = Isolation.FORK

    @classmethod
    def of(cls, spec: reuse.ReuseSpec | None) -> Self | None:
        if spec is None:
            return None
        return cls(
            idle_seconds=spec.idle_seconds,
            min_idle=spec.min_idle,
            max_executions=spec.max_executions,
            isolation=spec.isolation,
        )

    def to_domain(self) -> reuse.ReuseSpec:
        return reuse.ReuseSpec(
            idle_seconds=self.idle_seconds,
            min_idle=self.min_idle,
            max_executions=self.max_executions,
            isolation=self.isolation,
        )
