"""Calls with the access key of the control plane, and with another one."""

from collections.abc import AsyncIterator

import pytest

from tests.aws.client import AwsClient, open_client, refused
from tests.aws.process import StandIn


@pytest.fixture
async def control_plane(aws: AwsClient, running: StandIn) -> AsyncIterator[AwsClient]:
    async with open_client(running, running.environment["AWS_ACCESS_KEY_ID"]) as client:
        yield client


async def test_a_call_that_no_policy_allows(aws: AwsClient, control_plane: AwsClient) -> None:
    definition = await aws.register()
    message = (
        "User: arn:aws:sts::123456789012:assumed-role/control-plane/session is not authorized to perform: ecs:RunTask "
        f"on resource: {definition} because no identity-based policy allows the ecs:RunTask action"
    )
    with refused("AccessDeniedException", message):
        await control_plane.run(definition)
    assert (await aws.ecs.list_tasks(cluster=aws.cluster))["taskArns"] == []


async def test_a_call_that_needs_what_is_not_its_own_action(control_plane: AwsClient) -> None:
    with refused("AccessDeniedException", "iam:PassRole on resource: arn:aws:iam::123456789012:role/admin"):
        await control_plane.ecs.register_task_definition(
            family="multinode-worker-1", taskRoleArn="arn:aws:iam::123456789012:role/admin", containerDefinitions=[]
        )


async def test_what_is_allowed_is_done(control_plane: AwsClient) -> None:
    definition = await control_plane.register(family="multinode-worker-authorized")
    arn = await control_plane.run(definition, tags=[{"key": "a", "value": "b"}])
    await control_plane.stop(arn)
    await control_plane.stopped(arn)
