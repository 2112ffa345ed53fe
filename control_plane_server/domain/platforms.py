"""What a function needs of the machine that it runs on, beside CPUs and memory. Whether there is such a thing, the
provisioner says."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

# Others are named by this and their name.
PROVIDER_PREFIX = "provider:"

_MOST_INTERRUPTIONS = 2
_LONGEST_WITHOUT_CAPACITY = timedelta(minutes=3)


class CpuArchitecture(StrEnum):
    """As task definitions name it."""

    X86_64 = "X86_64"
    ARM64 = "ARM64"

    @property
    def of_images(self) -> str:
        """As images name it, with the operating system."""
        return "linux/amd64" if self is CpuArchitecture.X86_64 else "linux/arm64"


class Capacity(StrEnum):
    """What is bought to run a container on. SPOT may be taken back at any time; with SPOT_WITH_FALLBACK an execution
    that Spot has taken back twice, or has had no room for in 3 minutes, goes on demand."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    SPOT_WITH_FALLBACK = "spot_with_fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """None: what the provisioner gives to every function. `capacity`: a Capacity, or PROVIDER_PREFIX and the name of a
    capacity provider of AWS ECS."""

    ephemeral_storage_gib: int | None = None
    cpu_architecture: CpuArchitecture | None = None
    gpus: int | None = None
    capacity: str | None = None
    task_role_arn: str | None = None

    @property
    def capacity_provider(self) -> str | None:
        """The one that is named; None: none is."""
        if self.capacity is None or not self.capacity.startswith(PROVIDER_PREFIX):
            return None
        return self.capacity.removeprefix(PROVIDER_PREFIX)

    def with_default(self, capacity: Capacity | None) -> "Platform":
        """With this capacity if it names none."""
        return self if capacity is None or self.capacity is not None else replace(self, capacity=capacity.value)

    def for_launch(self, *, interruptions: int, without_capacity: timedelta) -> "Platform":
        """With the capacity of one launch, never SPOT_WITH_FALLBACK. `interruptions`: how many containers of the
        execution infrastructure has taken. `without_capacity`: for how long its launches had been refused."""
        if self.capacity != Capacity.SPOT_WITH_FALLBACK:
            return self
        falls_back = interruptions >= _MOST_INTERRUPTIONS or without_capacity >= _LONGEST_WITHOUT_CAPACITY
        return replace(self, capacity=(Capacity.ON_DEMAND if falls_back else Capacity.SPOT).value)


NO_PLATFORM = Platform()
