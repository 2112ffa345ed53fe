"""What the account holds from the beginning, and what moto answers."""

from typing import Any

import pytest

from tests.aws.client import AwsClient, refused


async def test_the_account_is_furnished(aws: AwsClient) -> None:
    clusters = await aws.ecs.describe_clusters(clusters=[aws.cluster])
    assert clusters["clusters"][0]["status"] == "ACTIVE"
    groups = await aws.logs.describe_log_groups()
    assert [group["logGroupName"] for group in groups["logGroups"]] == [aws.environment["LOG_GROUP"]]
    name = aws.environment["CONTAINER_REPOSITORY_NAME"]
    repositories = await aws.ecr.describe_repositories(repositoryNames=[name])
    assert repositories["repositories"][0]["repositoryUri"].endswith(f"amazonaws.com/{name}")
    assert len(aws.environment["SUBNET_IDS"].split(",")) == 2


@pytest.mark.parametrize(
    ("cpu", "memory", "is_possible"),
    [("256", "512", True), ("256", "3072", False), ("300", "512", False), ("8192", "20480", True), ("", "", False)],
)
async def test_the_sizes_of_fargate(aws: AwsClient, cpu: str, memory: str, is_possible: bool) -> None:
    request: Any = {
        "family": "sized",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "containerDefinitions": [{"name": "main", "image": "image"}],
        "cpu": cpu,
        "memory": memory,
    }
    if is_possible:
        await aws.ecs.register_task_definition(**request)
        return
    with refused("ClientException", "No Fargate configuration exists for given values"):
        await aws.ecs.register_task_definition(**request)


async def test_stop_timeouts_are_two_minutes_at_most(aws: AwsClient) -> None:
    await aws.register(stopTimeout=120)
    with refused("ClientException", "stopTimeout"):
        await aws.register(stopTimeout=121)


async def test_the_log_driver_needs_an_execution_role(aws: AwsClient) -> None:
    log: Any = {"logDriver": "awslogs", "options": {}}
    with refused("ClientException", "Fargate requires task definition to have execution role ARN"):
        await aws.ecs.register_task_definition(
            family="roleless",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "main", "image": "image", "logConfiguration": log}],
        )
