"""Whether the subnets have addresses for the containers."""

from collections.abc import Sequence

import aioboto3
from botocore.exceptions import ClientError

from control_plane_server.cli.doctor.answers import NO_ANSWER, could_not_tell
from control_plane_server.cli.doctor.checks import Check, failed, ok, warning
from control_plane_server.domain.demands import Demand
from control_plane_server.provisioners.ecs.calls import PATIENCE, code_and_message
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration

_NAME = "subnets"


async def check_subnets(
    session: aioboto3.Session, configuration: EcsConfiguration, demands: Sequence[Demand] | None
) -> Check:
    """`demands`: of the newest versions; None: not known."""
    async with session.client("ec2", config=PATIENCE) as ec2:
        try:
            answer = await ec2.describe_subnets(SubnetIds=configuration.subnets)
        except NO_ANSWER as error:
            if isinstance(error, ClientError) and code_and_message(error)[0].startswith("InvalidSubnetID"):
                return failed(_NAME, code_and_message(error)[1], "set SUBNET_IDS")
            return could_not_tell(_NAME, error, action="ec2:DescribeSubnets")
    free = sum(subnet["AvailableIpAddressCount"] for subnet in answer["Subnets"])
    zones = len({subnet["AvailabilityZone"] for subnet in answer["Subnets"]})
    return compare(free=free, zones=zones, demands=demands)


def compare(*, free: int, zones: int, demands: Sequence[Demand] | None) -> Check:
    """`free`: addresses, of which each container takes one."""
    finding = f"{free:,} addresses are free in {zones} zone{'s' if zones > 1 else ''}"
    if free == 0:
        return failed(_NAME, finding, "nothing starts: add a subnet to SUBNET_IDS")
    containers = sum(demand.resource_spec.max_concurrency for demand in demands or ())
    if containers > free:
        finding += f"; functions of the newest versions may have {containers:,} containers"
        return warning(_NAME, finding, "containers without an address wait: add a subnet to SUBNET_IDS")
    return ok(_NAME, finding)
