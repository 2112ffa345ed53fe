"""The life of a task."""

from tests.aws.scene import Scene

_STARTING = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]
_ENDING = ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]


async def test_a_container_that_ends(scene: Scene) -> None:
    arn = await scene.running(await scene.register())
    running = await scene.described(arn)
    assert "stopCode" not in running
    assert "stoppedAt" not in running
    await scene.control.end(arn, exit_code=3)
    task = await scene.stopped(arn)
    record = await scene.control.task(arn)
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


async def test_a_stop_before_the_container_has_started(scene: Scene) -> None:
    await scene.control.set(provisioning_seconds=3_600)
    arn = await scene.run(await scene.register())
    await scene.stop(arn, "never mind")
    task = await scene.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "never mind")
    assert "exitCode" not in task["containers"][0]
    assert "startedAt" not in task
    assert [state for _, state in (await scene.control.task(arn)).states] == ["PROVISIONING", *_ENDING[2:]]


async def test_durations(scene: Scene) -> None:
    await scene.control.set(pulling_seconds=0.3, deprovisioning_seconds=0.3)
    arn = await scene.running(await scene.register())
    await scene.control.end(arn)
    await scene.control.wait_for(arn, "STOPPED")
    at = {state: time for time, state in (await scene.control.task(arn)).states}
    assert at["ACTIVATING"] - at["PENDING"] >= 0.29
    assert at["STOPPED"] - at["DEPROVISIONING"] >= 0.29


async def test_an_unknown_image(scene: Scene) -> None:
    arn = await scene.run(await scene.register("no/such-image"))
    task = await scene.stopped(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"] == (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        "docker.io/no/such-image:latest: docker.io/no/such-image:latest: not found"
    )
    assert "exitCode" not in task["containers"][0]
    assert "pullStoppedAt" not in task


async def test_a_missing_log_group(scene: Scene) -> None:
    arn = await scene.run(await scene.register(log_group="no-such-group"))
    task = await scene.stopped(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: failed to validate logger args: ")
    assert "ResourceNotFoundException: The specified log group does not exist." in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]


async def test_tasks_that_do_not_start(scene: Scene) -> None:
    reason = "Timeout waiting for network interface provisioning to complete."
    await scene.control.fail_to_start(reason, tasks=2)
    definition = await scene.register()
    for _ in range(2):
        task = await scene.stopped(await scene.run(definition))
        assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", reason)
        assert task["containers"] == []
    await scene.running(definition)


async def test_a_spot_reclaim(scene: Scene) -> None:
    arn = await scene.running(await scene.register())
    await scene.control.interrupt_spot(arn)
    task = await scene.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert task["containers"][0]["exitCode"] == 143


async def test_a_lost_host(scene: Scene) -> None:
    arn = await scene.running(await scene.register())
    await scene.control.lose_host(arn)
    task = await scene.stopped(arn)
    assert str(task["stopCode"]) == "InfrastructureHealth"  # newer than the client's types
    assert task["containers"][0]["exitCode"] == 137


async def test_a_stop_by_somebody_else(scene: Scene) -> None:
    arn = await scene.running(await scene.register())
    await scene.control.stop_by_somebody(arn, "tidying up")
    task = await scene.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "tidying up")
    assert "StopTask" not in await scene.control.counts()


async def test_a_task_that_vanishes(scene: Scene) -> None:
    arn = await scene.running(await scene.register())
    await scene.control.vanish(arn)
    answer = await scene.ecs.describe_tasks(cluster=scene.cluster, tasks=[arn])
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
