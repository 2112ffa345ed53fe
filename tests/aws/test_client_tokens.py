"""RunTask's idempotency."""

import pytest
from botocore.exceptions import ClientError

from tests.aws.client import AwsClient, refused


async def test_a_repeated_request_gets_the_first_answer(aws: AwsClient) -> None:
    definition = await aws.register()
    arn = await aws.running(definition, clientToken="repeated", startedBy="exe-1")
    answer = await aws.request(definition, clientToken="repeated", startedBy="exe-1")
    assert [(task["taskArn"], task["lastStatus"]) for task in answer["tasks"]] == [(arn, "RUNNING")]
    assert [task.arn for task in await aws.control.tasks()].count(arn) == 1
    await aws.stop(arn)
    await aws.stopped(arn)
    answer = await aws.request(definition, clientToken="repeated", startedBy="exe-1")
    assert answer["tasks"] == [{"taskArn": arn, "lastStatus": "STOPPED", "desiredStatus": "STOPPED"}]


async def test_other_parameters_are_a_conflict(aws: AwsClient) -> None:
    definition = await aws.register()
    arn = await aws.run(definition, clientToken="taken", startedBy="exe-1")
    with pytest.raises(ClientError) as refusal:
        await aws.request(definition, clientToken="taken", startedBy="exe-2")
    assert refusal.value.response["Error"]["Code"] == "ConflictException"
    assert refusal.value.response["resourceIds"] == [arn]  # type: ignore[typeddict-item]


async def test_a_token_is_of_one_cluster(aws: AwsClient) -> None:
    await aws.ecs.create_cluster(clusterName="second", capacityProviders=["FARGATE"])
    definition = await aws.register()
    here = await aws.run(definition, clientToken="of-a-cluster")
    there = await aws.run(definition, clientToken="of-a-cluster", cluster="second")
    assert here != there


async def test_failures_are_replayed_too(aws: AwsClient) -> None:
    definition = await aws.register()
    await aws.control.lack_capacity(calls=1)
    first = await aws.request(definition, clientToken="no-capacity")
    assert first["tasks"] == []
    assert [failure["reason"] for failure in first["failures"]] == [
        "Capacity is unavailable at this time. Please try again later or in a different availability zone"
    ]
    again = await aws.request(definition, clientToken="no-capacity")
    assert (again["tasks"], again["failures"]) == ([], first["failures"])
    await aws.run(definition, clientToken="no-capacity-2")


async def test_an_error_takes_no_token(aws: AwsClient) -> None:
    definition = await aws.register()
    await aws.control.throttle("RunTask", calls=1)
    with refused("ThrottlingException"):
        await aws.request(definition, clientToken="throttled", startedBy="exe-1")
    await aws.run(definition, clientToken="throttled", startedBy="exe-2")


async def test_a_token_is_forgotten_some_time_after_the_end(aws: AwsClient) -> None:
    definition = await aws.register()
    arn = await aws.run(definition, clientToken="forgotten")
    await aws.control.set(token_seconds_after_end=0)
    assert await aws.run(definition, clientToken="forgotten") == arn, "the task has not ended"
    await aws.stop(arn)
    await aws.control.wait_for(arn, "STOPPED")
    await aws.control.set(token_seconds_after_end=-1)
    assert await aws.run(definition, clientToken="forgotten") != arn


async def test_a_token_is_forgotten_a_day_after_the_request(aws: AwsClient) -> None:
    definition = await aws.register()
    arn = await aws.run(definition, clientToken="a-day")
    await aws.control.set(token_seconds=-1)
    assert await aws.run(definition, clientToken="a-day") != arn
