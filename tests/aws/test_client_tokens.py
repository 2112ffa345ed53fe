"""RunTask's idempotency."""

import pytest
from botocore.exceptions import ClientError

from tests.aws.scene import Scene, refused


async def test_a_repeated_request_gets_the_first_answer(scene: Scene) -> None:
    definition = await scene.register()
    arn = await scene.running(definition, clientToken="repeated", startedBy="exe-1")
    answer = await scene.request(definition, clientToken="repeated", startedBy="exe-1")
    assert [(task["taskArn"], task["lastStatus"]) for task in answer["tasks"]] == [(arn, "RUNNING")]
    assert [task.arn for task in await scene.control.tasks()].count(arn) == 1
    await scene.stop(arn)
    await scene.stopped(arn)
    answer = await scene.request(definition, clientToken="repeated", startedBy="exe-1")
    assert answer["tasks"] == [{"taskArn": arn, "lastStatus": "STOPPED", "desiredStatus": "STOPPED"}]


async def test_other_parameters_are_a_conflict(scene: Scene) -> None:
    definition = await scene.register()
    arn = await scene.run(definition, clientToken="taken", startedBy="exe-1")
    with pytest.raises(ClientError) as refusal:
        await scene.request(definition, clientToken="taken", startedBy="exe-2")
    assert refusal.value.response["Error"]["Code"] == "ConflictException"
    assert refusal.value.response["resourceIds"] == [arn]  # type: ignore[typeddict-item]


async def test_a_token_is_of_one_cluster(scene: Scene) -> None:
    await scene.ecs.create_cluster(clusterName="second", capacityProviders=["FARGATE"])
    definition = await scene.register()
    here = await scene.run(definition, clientToken="of-a-cluster")
    there = await scene.run(definition, clientToken="of-a-cluster", cluster="second")
    assert here != there


async def test_failures_are_replayed_too(scene: Scene) -> None:
    definition = await scene.register()
    await scene.control.lack_capacity(calls=1)
    first = await scene.request(definition, clientToken="no-capacity")
    assert first["tasks"] == []
    assert [failure["reason"] for failure in first["failures"]] == [
        "Capacity is unavailable at this time. Please try again later or in a different availability zone"
    ]
    again = await scene.request(definition, clientToken="no-capacity")
    assert (again["tasks"], again["failures"]) == ([], first["failures"])
    await scene.run(definition, clientToken="no-capacity-2")


async def test_an_error_takes_no_token(scene: Scene) -> None:
    definition = await scene.register()
    await scene.control.throttle("RunTask", calls=1)
    with refused("ThrottlingException"):
        await scene.request(definition, clientToken="throttled", startedBy="exe-1")
    await scene.run(definition, clientToken="throttled", startedBy="exe-2")


async def test_a_token_is_forgotten_some_time_after_the_end(scene: Scene) -> None:
    definition = await scene.register()
    arn = await scene.run(definition, clientToken="forgotten")
    await scene.control.set(token_seconds_after_end=0)
    assert await scene.run(definition, clientToken="forgotten") == arn, "the task has not ended"
    await scene.stop(arn)
    await scene.control.wait_for(arn, "STOPPED")
    await scene.control.set(token_seconds_after_end=-1)
    assert await scene.run(definition, clientToken="forgotten") != arn


async def test_a_token_is_forgotten_a_day_after_the_request(scene: Scene) -> None:
    definition = await scene.register()
    arn = await scene.run(definition, clientToken="a-day")
    await scene.control.set(token_seconds=-1)
    assert await scene.run(definition, clientToken="a-day") != arn
