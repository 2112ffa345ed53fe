"""The life of a task."""

from tests.aws.client import AwsClient
from tests.aws.timings import ON_FARGATE, SCALE
from tests.aws.wire import Settings

_STARTING = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]
_ENDING = ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]


async def test_a_container_that_ends(aws: AwsClient) -> None:
    arn = await aws.running(await aws.register())
    running = await aws.described(arn)
    assert "stopCode" not in running
    assert "stoppedAt" not in running
    await aws.control.end(arn, exit_code=3)
    task = await aws.stopped(arn)
    record = await aws.control.task(arn)
    assert [state for _, state in record.states] == [*_STARTING, *_ENDING]
    assert task["desiredStatus"] == "STOPPED"
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    container = task["containers"][0]
    assert (container["name"], container["lastStatus"], container["exitCode"]) == ("main", "STOPPED", 3)
    assert "reason" not in container
    assert task["version"] > running["version"] > 1
    names = ("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "executionStoppedAt", "stoppedAt")
    times = [task[name] for name in names]  # type: ignore[literal-required]
    assert times == sorted(times)
    assert task["executionStoppedAt"] <= task["stoppingAt"] <= task["stoppedAt"]


async def test_a_stop_before_the_container_has_started(aws: AwsClient) -> None:
    await aws.control.set(provisioning_seconds=3_600)
    arn = await aws.run(await aws.register())
    await aws.stop(arn, "never mind")
    task = await aws.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "never mind")
    assert "exitCode" not in task["containers"][0]
    assert "startedAt" not in task
    assert [state for _, state in (await aws.control.task(arn)).states] == ["PROVISIONING", *_ENDING[2:]]


async def test_durations(aws: AwsClient) -> None:
    await aws.control.set(pulling_seconds=0.3, deprovisioning_seconds=0.3)
    arn = await aws.running(await aws.register())
    await aws.control.end(arn)
    await aws.control.wait_for(arn, "STOPPED")
    at = {state: time for time, state in (await aws.control.task(arn)).states}
    assert at["ACTIVATING"] - at["PENDING"] >= 0.29
    assert at["STOPPED"] - at["DEPROVISIONING"] >= 0.29


async def test_the_container_is_stopped_long_before_its_task(aws: AwsClient) -> None:
    await aws.control.set(deprovisioning_seconds=3_600)
    arn = await aws.running(await aws.register())
    await aws.control.end(arn, exit_code=3)
    await aws.control.wait_for(arn, "DEPROVISIONING")
    task = await aws.described(arn)
    assert (task["lastStatus"], task["stopCode"]) == ("DEPROVISIONING", "EssentialContainerExited")
    assert (task["containers"][0]["lastStatus"], task["containers"][0]["exitCode"]) == ("STOPPED", 3)
    assert "stoppedAt" not in task


async def test_an_end_is_noticed_after_a_while_unless_it_was_asked_for(aws: AwsClient) -> None:
    await aws.control.set(noticing_seconds=0.3)
    definition = await aws.register()
    by_itself, stopped = await aws.running(definition), await aws.running(definition)
    await aws.control.end(by_itself)
    await aws.stop(stopped)
    ends = [await aws.stopped(arn) for arn in (by_itself, stopped)]
    unnoticed, noticed = ((task["stoppingAt"] - task["executionStoppedAt"]).total_seconds() for task in ends)
    assert unnoticed >= 0.29
    assert noticed <= 0


def test_a_start_takes_27_seconds_and_an_end_25() -> None:
    starting = sum(ON_FARGATE[f"{name}_seconds"] for name in ("provisioning", "pulling", "activating"))
    assert (starting, sum(ON_FARGATE.values()) - starting) == (27, 25)
    assert all(getattr(Settings(), name) == seconds * SCALE for name, seconds in ON_FARGATE.items())


async def test_an_unknown_image(aws: AwsClient) -> None:
    arn = await aws.run(await aws.register("no/such-image"))
    task = await aws.stopped(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"] == (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        "docker.io/no/such-image:latest: docker.io/no/such-image:latest: not found"
    )
    assert "exitCode" not in task["containers"][0]
    assert "pullStoppedAt" not in task


async def test_a_missing_log_group(aws: AwsClient) -> None:
    arn = await aws.run(await aws.register(log_group="no-such-group"))
    task = await aws.stopped(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: failed to validate logger args: ")
    assert "ResourceNotFoundException: The specified log group does not exist." in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]


async def test_tasks_that_do_not_start(aws: AwsClient) -> None:
    reason = "Timeout waiting for network interface provisioning to complete."
    await aws.control.fail_to_start(reason, tasks=2)
    definition = await aws.register()
    for _ in range(2):
        task = await aws.stopped(await aws.run(definition))
        assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", reason)
        assert task["containers"] == []
    await aws.running(definition)


async def test_a_spot_reclaim(aws: AwsClient) -> None:
    arn = await aws.running(await aws.register())
    await aws.control.interrupt_spot(arn)
    task = await aws.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert task["containers"][0]["exitCode"] == 143


async def test_a_lost_host(aws: AwsClient) -> None:
    arn = await aws.running(await aws.register())
    await aws.control.lose_host(arn)
    task = await aws.stopped(arn)
    assert str(task["stopCode"]) == "InfrastructureHealth"  # newer than the client's types
    assert task["containers"][0]["exitCode"] == 137


async def test_a_stop_by_somebody_else(aws: AwsClient) -> None:
    arn = await aws.running(await aws.register())
    await aws.control.stop_by_somebody(arn, "tidying up")
    task = await aws.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "tidying up")
    assert "StopTask" not in await aws.control.counts()


async def test_a_task_that_vanishes(aws: AwsClient) -> None:
    arn = await aws.running(await aws.register())
    await aws.control.vanish(arn)
    answer = await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=[arn])
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
