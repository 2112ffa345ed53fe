"""What containers took, and what that costs by an operator's prices."""

from dataclasses import dataclass
from datetime import date

from control_plane_server.domain.identifiers import FunctionName

_SECONDS_OF_HOUR = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Of an hour each, in this currency. 1 GB = 1,024 MiB."""

    currency: str
    vcpu_hour: float
    gb_hour: float
    gpu_hour: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """Of a function's containers on a day of UTC. `executions`: whose newest container was launched on it.
    `idle_seconds`: of `container_seconds`, those of containers that waited for an execution.
    `unmeasured_launches`: earlier ones of these, of which it is not known how long their containers ran."""

    function_name: FunctionName
    day: date
    executions: int
    container_seconds: float
    idle_seconds: float
    vcpu_seconds: float
    gb_seconds: float
    gpu_seconds: float
    unmeasured_launches: int

    def cost(self, prices: Prices) -> float:
        priced = (
            self.vcpu_seconds * prices.vcpu_hour + self.gb_seconds * prices.gb_hour + self.gpu_seconds * prices.gpu_hour
        )
        return priced / _SECONDS_OF_HOUR
