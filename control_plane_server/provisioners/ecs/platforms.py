"""What a function asks for of its platform, as ECS is asked for it: which hosts have it, and what is refused."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.domain.platforms import Capacity, Platform
from control_plane_server.domain.specs import ResourceSpec
from control_plane_server.provisioners.ecs.configuration import CapacityProvider, EcsConfiguration
from control_plane_server.provisioners.ecs.sizes import MIB_PER_GB, TOLERANCE, UNITS_PER_CPU, TaskSize, size_for
from control_plane_server.provisioners.platforms import refuse

FARGATE = "FARGATE"
FARGATE_SPOT = "FARGATE_SPOT"

# What ECS takes of a task on a host that is no Fargate's: Amazon ECS API reference, "RegisterTaskDefinition"; the
# memory is the least of a container.
_SMALLEST_SIZE = TaskSize(cpu=128, memory=6)


class Host(StrEnum):
    """What tasks run on, as `requiresCompatibilities` names it."""

    FARGATE = "FARGATE"
    EC2 = "EC2"
    MANAGED_INSTANCES = "MANAGED_INSTANCES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Of one launch. `providers`: empty where the cluster's default strategy decides."""

    providers: tuple[CapacityProvider, ...]
    is_on_fargate: bool


def foreign_provider(platform: Platform) -> str | None:
    """The capacity provider that it names, if that is none of Fargate's: what its hosts are, ECS must be asked."""
    return None if platform.capacity_provider in (None, FARGATE, FARGATE_SPOT) else platform.capacity_provider


def refuse_what_hosts_lack(platform: Platform, host: Host) -> None:
    """Raises FunctionFailure."""
    if host is Host.FARGATE:
        refuse("gpus", platform.gpus, "Fargate has none; with capacity provider:NAME machines of EC2 have")
    else:
        refuse(
            "ephemeral_storage_gib",
            platform.ephemeral_storage_gib,
            f"on {host} the disk is that of the machines, as the capacity provider makes them",
        )


def task_role_of(platform: Platform, configuration: EcsConfiguration) -> str:
    """Raises FunctionFailure for a role that functions may not have."""
    role = platform.task_role_arn
    if role is None:
        return configuration.task_role_arn
    if role not in (configuration.task_role_arn, *configuration.allowed_task_role_arns):
        raise FunctionFailure(
            f"The function asks for task_role_arn {role}: functions may not have it. An operator can allow it with "
            "ECS_ALLOWED_TASK_ROLE_ARNS, see docs/machines.md"
        )
    return role


def size_on(host: Host, spec: ResourceSpec) -> TaskSize:
    """On Fargate one of its sizes; elsewhere what is asked for."""
    if host is Host.FARGATE:
        return size_for(spec)
    return TaskSize(
        cpu=max(_SMALLEST_SIZE.cpu, math.ceil((spec.virtual_cpus - TOLERANCE) * UNITS_PER_CPU)),
        memory=max(_SMALLEST_SIZE.memory, math.ceil((spec.memory_gbs - TOLERANCE) * MIB_PER_GB)),
    )


def placement_of(platform: Platform, configuration: EcsConfiguration) -> Placement:
    """`platform`: of one launch, by `Platform.for_launch`."""
    if platform.capacity is None:
        return Placement(providers=configuration.capacity_providers, is_on_fargate=True)
    if platform.capacity == Capacity.ON_DEMAND:
        name = FARGATE
    elif platform.capacity == Capacity.SPOT:
        name = FARGATE_SPOT
    else:
        name = platform.capacity_provider or platform.capacity
    providers: Sequence[CapacityProvider] = (CapacityProvider(name=name, weight=1),)
    return Placement(providers=tuple(providers), is_on_fargate=foreign_provider(platform) is None)
