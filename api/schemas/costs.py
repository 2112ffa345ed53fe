"""What a project's containers took, on the wire."""

from datetime import date
from typing import Self

from pydantic import BaseModel

from control_plane_server.domain.costs import Consumption, Prices

_SECONDS_OF_HOUR = 3_600


class FunctionCosts(BaseModel):
    """Of a function's containers on a day of UTC. `executions`: whose newest container was launched on it.
    `idle_seconds`: of `container_seconds`, those of containers that were kept and waited for an execution.
    `unmeasured_launches`: containers that infrastructure took away and of which it is not known how long they ran; they
    are in no other number. `cost`: null without prices."""

    function_name: str
    day: date
    executions: int
    container_seconds: float
    idle_seconds: float
    vcpu_hours: float
    gb_hours: float
    gpu_hours: float
    unmeasured_launches: int
    cost: float | None

    @classmethod
    def of(cls, consumption: Consumption, prices: Prices | None) -> Self:
        return cls(
            function_name=consumption.function_name,
            day=consumption.day,
            executions=consumption.executions,
            container_seconds=round(consumption.container_seconds, 3),
            idle_seconds=round(consumption.idle_seconds, 3),
            vcpu_hours=round(consumption.vcpu_seconds / _SECONDS_OF_HOUR, 6),
            gb_hours=round(consumption.gb_seconds / _SECONDS_OF_HOUR, 6),
            gpu_hours=round(consumption.gpu_seconds / _SECONDS_OF_HOUR, 6),
            unmeasured_launches=consumption.unmeasured_launches,
            cost=None if prices is None else round(consumption.cost(prices), 6),
        )


class CostsOfProject(BaseModel):
    """Day by day, and by function. `next_since`: where the next page begins, as its `since`; null on the last page.
    `currency`: null without prices."""

    project_name: str
    since: int
    until: int
    currency: str | None
    costs: list[FunctionCosts]
    next_since: int | None
