"""What a function asks for of its platform, as ECS is asked for it: which hosts have it, and what is refused."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from control_plane_server.domain.errors import FunctionFailure, Unavailable
from control_plane_server.domain.platforms import Capacity, Platform
from control_plane_server.domain.specs import ResourceSpec
from control_plane_server.provisioners.ecs.configuration import CapacityProvider, EcsConfiguration
from control_plane_server.provisioners.ecs.sizes import MIB_PER_GB, TOLERANCE, UNITS_PER_CPU, TaskSize, size_for
from control_plane_server.provisioners.platforms import refuse

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import CapacityProviderTypeDef

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


def wanted_providers(platform: Platform) -> tuple[str, ...]:
    """The capacity providers that the cluster must have for it. Empty: it does not say."""
    match platform.capacity:
        case None:
            return ()
        case Capacity.ON_DEMAND:
            return (FARGATE,)
        case Capacity.SPOT:
            return (FARGATE_SPOT,)
        case Capacity.SPOT_WITH_FALLBACK:
            return (FARGATE_SPOT, FARGATE)
        case other:
            return (platform.capacity_provider or other,)


def host_of(wanted: Sequence[str], described: "Sequence[CapacityProviderTypeDef]", *, cluster: str) -> Host:
    """What runs the tasks of the providers, which are of one kind. `described`: those of them that the cluster has.

    Raises FunctionFailure if one is not there or is to go, Unavailable while one is being made.
    """
    found = {provider.get("name"): provider for provider in described}
    for name in wanted:
        asked = f"The function asks for capacity provider {name}: "
        if name not in found:
            raise FunctionFailure(
                f"{asked}the cluster {cluster} has no such capacity provider. An operator can add it with "
                "aws ecs put-cluster-capacity-providers, see docs/machines.md"
            )
        status = found[name].get("status", "ACTIVE")
        if status == "PROVISIONING":
            raise Unavailable(f"{asked}it is still being made, its status is {status}")
        if status != "ACTIVE":
            raise FunctionFailure(f"{asked}its status is {status}")
    if wanted[0] in (FARGATE, FARGATE_SPOT):
        return Host.FARGATE
    return Host.MANAGED_INSTANCES if "managedInstancesProvider" in found[wanted[0]] else Host.EC2


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
    (name,) = wanted_providers(platform)
    return Placement(providers=(CapacityProvider(name=name, weight=1),), is_on_fargate=name in (FARGATE, FARGATE_SPOT))
