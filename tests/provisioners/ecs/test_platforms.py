"""What functions need of their machine, on the stand-in, which checks it as AWS does."""

from dataclasses import replace
from typing import Any

import aioboto3
import pytest

from control_plane_server.domain.entities import Function
from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.domain.platforms import CpuArchitecture, Platform
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.factory import open_ecs_provisioner
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from tests.aws.control import Control
from tests.aws.wire import EC2_PROVIDER, MANAGED_PROVIDER
from tests.provisioners.ecs.builders import REF, container_request
from tests.provisioners.ecs.conftest import NOW


async def launched(
    provisioner: EcsProvisioner, aws: Control, function: Function, execution_id: ExecutionId
) -> dict[str, Any]:
    prepared = (await provisioner.prepare(function)).identifier
    request = replace(container_request(prepared, execution_id=execution_id), platform=function.platform)
    details = await provisioner.launch(request, age=NOW)
    (task,) = [task for task in await aws.tasks() if task.arn == details.identifier]
    return task.description


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (
            Platform(),
            {"launchType": "FARGATE", "capacityProviderName": "FARGATE", "ephemeralStorage": {"sizeInGiB": 20}},
        ),
        (Platform(ephemeral_storage_gib=100), {"ephemeralStorage": {"sizeInGiB": 100}}),
        (
            Platform(cpu_architecture=CpuArchitecture.ARM64),
            {"attributes": [{"name": "ecs.cpu-architecture", "value": "arm64"}]},
        ),
        (Platform(capacity="spot"), {"launchType": "FARGATE", "capacityProviderName": "FARGATE_SPOT"}),
        (Platform(capacity="on_demand"), {"capacityProviderName": "FARGATE"}),
        (Platform(capacity=f"provider:{EC2_PROVIDER}"), {"launchType": "EC2", "capacityProviderName": EC2_PROVIDER}),
        (
            Platform(capacity=f"provider:{MANAGED_PROVIDER}", gpus=2),
            {"launchType": "MANAGED_INSTANCES", "capacityProviderName": MANAGED_PROVIDER},
        ),
    ],
)
async def test_a_task_has_what_the_function_needs(
    provisioner: EcsProvisioner,
    aws: Control,
    held: Function,
    execution_id: ExecutionId,
    platform: Platform,
    expected: dict[str, Any],
) -> None:
    task = await launched(provisioner, aws, replace(held, platform=platform), execution_id)
    assert {name: task.get(name) for name in expected} == expected
    tags = {tag["key"]: tag["value"] for tag in task["tags"]}
    assert tags == {"control-plane:project": REF.project_name, "control-plane:function": REF.function_name}


@pytest.mark.parametrize(
    ("platform", "reason"),
    [
        (Platform(gpus=1), "Fargate has none"),
        (Platform(capacity="provider:nothing"), "has no such capacity provider"),
        (Platform(ephemeral_storage_gib=50, capacity=f"provider:{EC2_PROVIDER}"), "the disk is that of the machines"),
        (Platform(task_role_arn="arn:aws:iam::123456789012:role/admin"), "ECS_ALLOWED_TASK_ROLE_ARNS"),
    ],
)
async def test_what_there_is_not_is_refused_when_the_function_is_prepared(
    provisioner: EcsProvisioner, held: Function, platform: Platform, reason: str
) -> None:
    with pytest.raises(FunctionFailure, match=reason):
        await provisioner.prepare(replace(held, platform=platform))
    assert await provisioner.find_prepared(replace(held, platform=platform)) is None


async def test_a_cluster_without_fargates_own_providers(
    chosen: EcsConfiguration, administrator: aioboto3.Session, held: Function
) -> None:
    async with administrator.client("ecs") as ecs:
        await ecs.create_cluster(clusterName="plain", capacityProviders=["FARGATE"])
    async with open_ecs_provisioner(replace(chosen, cluster="plain")) as provisioner:
        await provisioner.prepare(replace(held, platform=Platform(capacity="on_demand")))
        for capacity in ("spot", "spot_with_fallback", "provider:FARGATE_SPOT"):
            with pytest.raises(FunctionFailure, match="FARGATE_SPOT: the cluster plain has no such capacity provider"):
                await provisioner.prepare(replace(held, platform=Platform(capacity=capacity)))
