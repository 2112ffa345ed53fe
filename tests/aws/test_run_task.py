"""What RunTask refuses, and what it answers."""

from typing import Any

import pytest

from tests.aws.client import AwsClient, refused


async def test_a_task_is_answered_as_it_begins(aws: AwsClient) -> None:
    definition = await aws.register(family="hello", environment=[{"name": "A", "value": "1"}])
    overrides = {"containerOverrides": [{"name": "main", "environment": [{"name": "B", "value": "2"}]}]}
    answer = await aws.request(
        definition, startedBy="exe-1", tags=[{"key": "k", "value": "v"}], overrides=overrides, count=2
    )
    assert len(answer["tasks"]) == 2
    assert answer["failures"] == []
    task = answer["tasks"][0]
    assert task["taskArn"].startswith(f"arn:aws:ecs:us-east-1:123456789012:task/{aws.cluster}/")
    assert task["taskDefinitionArn"] == definition
    assert (task["lastStatus"], task["desiredStatus"], task["version"]) == ("PROVISIONING", "RUNNING", 1)
    assert (task["startedBy"], task["group"]) == ("exe-1", "family:hello")
    assert task["tags"] == [{"key": "k", "value": "v"}]
    assert task["overrides"]["containerOverrides"] == overrides["containerOverrides"]
    assert (task["cpu"], task["memory"], task["launchType"]) == ("256", "512", "FARGATE")
    assert "exitCode" not in task["containers"][0]
    assert "capacityProviderName" not in task


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        ({"cluster": "another"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "nothing:1"}, "ClientException", "TaskDefinition not found."),
        ({"startedBy": "exe:1"}, "InvalidParameterException", "startedBy"),
        ({"startedBy": "e" * 129}, "InvalidParameterException", "startedBy"),
        ({"clientToken": "t" * 65}, "InvalidParameterException", "clientToken"),
        ({"clientToken": "a b"}, "InvalidParameterException", "clientToken"),
        ({"count": 11}, "InvalidParameterException", "ount"),
        ({"propagateTags": "SERVICE"}, "InvalidParameterException", "propagateTags"),
        ({"launchType": "EC2"}, "InvalidParameterException", "No Container Instances were found in your cluster."),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported.",
        ),
        ({"tags": [{"key": f"k{n}", "value": ""} for n in range(51)]}, "InvalidParameterException", "tags"),
        ({"tags": [{"key": "k" * 129, "value": ""}]}, "InvalidParameterException", "tag key"),
        (
            {"overrides": {"containerOverrides": [{"name": "other"}]}},
            "InvalidParameterException",
            "Override for container named other is not a container in the TaskDefinition.",
        ),
        ({"networkConfiguration": {}}, "InvalidParameterException", "Network Configuration must be provided"),
    ],
)
async def test_what_it_refuses(aws: AwsClient, parameters: dict[str, Any], code: str, message: str) -> None:
    definition = await aws.register()
    before = len(await aws.control.tasks())
    with refused(code, message):
        await aws.request(definition, **parameters)
    assert len(await aws.control.tasks()) == before


async def test_an_inactive_task_definition(aws: AwsClient) -> None:
    definition = await aws.register()
    await aws.ecs.deregister_task_definition(taskDefinition=definition)
    with refused("ClientException", "TaskDefinition is inactive"):
        await aws.request(definition)


async def test_unknown_network(aws: AwsClient) -> None:
    definition = await aws.register()
    group = aws.environment["SECURITY_GROUP_IDS"]
    subnet = aws.environment["SUBNET_IDS"].split(",")[0]
    with refused(
        "InvalidParameterException",
        "Error retrieving subnet information for [subnet-0]: The subnet ID 'subnet-0' does not exist "
        "(ErrorCode: InvalidSubnetID.NotFound)",
    ):
        await aws.request(
            definition,
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-0"], "securityGroups": [group]}},
        )
    with refused("InvalidParameterException", "The security group 'sg-0' does not exist"):
        await aws.request(
            definition,
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": ["sg-0"]}},
        )


async def test_overrides_have_8192_characters_in_all(aws: AwsClient) -> None:
    definition = await aws.register()

    def overrides(length: int) -> dict[str, Any]:
        frame = '{"containerOverrides":[{"name":"main","environment":[{"name":"A","value":""}]}]}'
        value = "x" * (length - len(frame))
        return {"containerOverrides": [{"name": "main", "environment": [{"name": "A", "value": value}]}]}

    await aws.run(definition, overrides=overrides(8_192))
    with refused("InvalidParameterException", "Container Overrides length must be at most 8192"):
        await aws.request(definition, overrides=overrides(8_193))


async def test_capacity_providers(aws: AwsClient) -> None:
    definition = await aws.register()
    without = {"cluster": aws.cluster, "taskDefinition": definition, "networkConfiguration": aws.network}
    by_default: Any = await aws.ecs.run_task(**without)
    assert by_default["tasks"][0]["capacityProviderName"] == "FARGATE"
    on_spot: Any = await aws.ecs.run_task(**without, capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}])
    assert on_spot["tasks"][0]["capacityProviderName"] == "FARGATE_SPOT"
    with refused("InvalidParameterException", "'mine' is not associated with the cluster"):
        await aws.ecs.run_task(**without, capacityProviderStrategy=[{"capacityProvider": "mine"}])


async def test_the_newest_active_revision_of_a_family(aws: AwsClient) -> None:
    first = await aws.register(family="revised")
    second = await aws.register(family="revised")
    assert (await aws.request("revised"))["tasks"][0]["taskDefinitionArn"] == second
    await aws.ecs.deregister_task_definition(taskDefinition=second)
    assert (await aws.request("revised"))["tasks"][0]["taskDefinitionArn"] == first
