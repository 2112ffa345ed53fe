"""What an operator decides about containers on ECS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from control_plane_server.domain.platforms import Capacity, CpuArchitecture


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityProvider:
    """`weight`: its relative share of the tasks that are started, 0 to 1,000."""

    name: str
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsConfiguration:
    """`api_url`: as containers reach the API. `default_capacity`: of functions that name none; without it, the
    capacity providers, and without those, the cluster's default strategy decides.
    `allowed_task_role_arns`: those that functions may ask for beside `task_role_arn`, which they have by default.
    `runtime_image`: one that has our program in /runtime, which functions that are commands need.
    `ca_certificates`: in PEM, of authorities that containers trust beside those of their images."""

    region: str
    cluster: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    task_role_arn: str
    execution_role_arn: str
    log_group: str
    repository_name: str
    api_url: str
    stop_grace: timedelta
    assigns_public_ip: bool = True
    default_capacity: Capacity | None = None
    capacity_providers: tuple[CapacityProvider, ...] = ()
    cpu_architecture: CpuArchitecture = CpuArchitecture.X86_64
    tags: Mapping[str, str] = field(default_factory=dict)
    events_queue_url: str | None = None
    runtime_image: str | None = None
    ca_certificates: str | None = None
    allowed_task_role_arns: tuple[str, ...] = ()
