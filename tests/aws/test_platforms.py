"""What ECS refuses of storage, GPUs, hosts and their networks."""

from pathlib import Path
from typing import Any

import pytest

from tests.aws.client import AwsClient, refused
from tests.aws.wire import EC2_PROVIDER, MANAGED_PROVIDER

GPU = [{"type": "GPU", "value": "1"}]


async def register(aws: AwsClient, *, on: str, container: dict[str, Any] | None = None, **parameters: Any) -> str:
    made: Any = await aws.ecs.register_task_definition(
        **{
            "family": "platforms",
            "requiresCompatibilities": [on],
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [
                {"name": "main", "image": "stand-in/hold", "essential": True, **(container or {})}
            ],
            **parameters,
        }
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"on": "FARGATE", "container": {"resourceRequirements": GPU}}, "do not support GPU"),
        ({"on": "FARGATE", "ephemeralStorage": {"sizeInGiB": 20}}, "between 21 and 200"),
        ({"on": "FARGATE", "ephemeralStorage": {"sizeInGiB": 201}}, "between 21 and 200"),
        ({"on": "EC2", "ephemeralStorage": {"sizeInGiB": 21}}, "only be specified for tasks that are compatible with"),
        ({"on": "MANAGED_INSTANCES", "cpu": "127"}, "between 128 and 196608"),
        ({"on": "FARGATE", "cpu": "300"}, "No Fargate configuration exists"),
        ({"on": "FARGATE", "runtimePlatform": {"cpuArchitecture": "SPARC"}}, "Invalid cpuArchitecture"),
    ],
)
async def test_what_a_definition_may_not_ask_for(aws: AwsClient, parameters: dict[str, Any], message: str) -> None:
    with refused("ClientException", message):
        await register(aws, **parameters)


@pytest.mark.parametrize("value", ["10 %", "x" * 257])
async def test_tags_of_other_characters_or_too_long(aws: AwsClient, value: str) -> None:
    with refused("InvalidParameterException", "ag"):
        await register(aws, on="FARGATE", tags=[{"key": "k", "value": value}])


@pytest.mark.parametrize(("on", "provider"), [("EC2", EC2_PROVIDER), ("MANAGED_INSTANCES", MANAGED_PROVIDER)])
async def test_a_task_off_fargate(aws: AwsClient, on: str, provider: str) -> None:
    definition = await register(aws, on=on, container={"resourceRequirements": GPU}, cpu="300", memory="1000")
    strategy: Any = [{"capacityProvider": provider, "weight": 1}]
    network: Any = aws.network["awsvpcConfiguration"]
    request: dict[str, Any] = {"cluster": aws.cluster, "taskDefinition": definition}
    private: Any = {"awsvpcConfiguration": {**network, "assignPublicIp": "DISABLED"}}
    started: Any = await aws.ecs.run_task(**request, capacityProviderStrategy=strategy, networkConfiguration=private)
    assert (started["tasks"][0]["launchType"], started["tasks"][0]["cpu"]) == (on, "300")
    public: Any = {"awsvpcConfiguration": {**network, "assignPublicIp": "ENABLED"}}
    with refused("InvalidParameterException", "Assign public IP is not supported"):
        await aws.ecs.run_task(**request, capacityProviderStrategy=strategy, networkConfiguration=public)
    with refused("InvalidParameterException", "does not support launch_type FARGATE"):
        await aws.ecs.run_task(**request, networkConfiguration=private)
    on_fargate = await register(aws, on="FARGATE")
    with refused("InvalidParameterException", "not compatible with the capacity provider"):
        await aws.ecs.run_task(
            **{**request, "taskDefinition": on_fargate},
            capacityProviderStrategy=strategy,
            networkConfiguration=private,
        )


async def test_an_image_of_another_architecture_is_not_pulled(aws: AwsClient, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    await aws.control.register_image("image:x86", tmp_path)
    image = {"image": "image:x86"}
    definition = await register(aws, on="FARGATE", container=image, runtimePlatform={"cpuArchitecture": "ARM64"})
    task = await aws.control.wait_for(await aws.run(definition), "STOPPED")
    assert "does not contain descriptor matching platform 'linux/arm64'" in task.description["stoppedReason"]
