"""What functions may ask for at once."""

from dataclasses import dataclass

from control_plane_server.domain.specs import ResourceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Of one function, in as many containers as `resource_spec.max_concurrency`. `capacity`: as in `Platform`."""

    resource_spec: ResourceSpec
    capacity: str | None
