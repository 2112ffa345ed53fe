"""What the account holds from the beginning, and what moto answers."""

from typing import Any

import pytest

from tests.aws.scene import Scene, refused


async def test_the_account_is_furnished(scene: Scene) -> None:
    clusters = await scene.ecs.describe_clusters(clusters=[scene.cluster])
    assert clusters["clusters"][0]["status"] == "ACTIVE"
    groups = await scene.logs.describe_log_groups()
    assert [group["logGroupName"] for group in groups["logGroups"]] == [scene.environment["LOG_GROUP"]]
    name = scene.environment["CONTAINER_REPOSITORY_NAME"]
    repositories = await scene.ecr.describe_repositories(repositoryNames=[name])
    assert repositories["repositories"][0]["repositoryUri"].endswith(f"amazonaws.com/{name}")
    assert len(scene.environment["SUBNET_IDS"].split(",")) == 2


@pytest.mark.parametrize(
    ("cpu", "memory", "is_possible"),
    [("256", "512", True), ("256", "3072", False), ("300", "512", False), ("8192", "20480", True), ("", "", False)],
)
async def test_the_sizes_of_fargate(scene: Scene, cpu: str, memory: str, is_possible: bool) -> None:
    request: Any = {
        "family": "sized",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "containerDefinitions": [{"name": "main", "image": "image"}],
        "cpu": cpu,
        "memory": memory,
    }
    if is_possible:
        await scene.ecs.register_task_definition(**request)
        return
    with refused("ClientException", "No Fargate configuration exists for given values"):
        await scene.ecs.register_task_definition(**request)


async def test_stop_timeouts_are_two_minutes_at_most(scene: Scene) -> None:
    await scene.register(stopTimeout=120)
    with refused("ClientException", "stopTimeout"):
        await scene.register(stopTimeout=121)


async def test_the_log_driver_needs_an_execution_role(scene: Scene) -> None:
    log: Any = {"logDriver": "awslogs", "options": {}}
    with refused("ClientException", "Fargate requires task definition to have execution role ARN"):
        await scene.ecs.register_task_definition(
            family="roleless",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "main", "image": "image", "logConfiguration": log}],
        )
