"""DescribeTasks, ListTasks and StopTask."""

from tests.aws.scene import Scene, refused


async def test_unknown_tasks_are_missing(scene: Scene) -> None:
    arn = await scene.run(await scene.register())
    answer = await scene.ecs.describe_tasks(cluster=scene.cluster, tasks=["0" * 32, arn.rpartition("/")[2]])
    assert [task["taskArn"] for task in answer["tasks"]] == [arn]
    unknown = f"arn:aws:ecs:us-east-1:123456789012:task/{scene.cluster}/{'0' * 32}"
    assert answer["failures"] == [{"arn": unknown, "reason": "MISSING"}]
    await scene.ecs.create_cluster(clusterName="elsewhere")
    elsewhere = await scene.ecs.describe_tasks(cluster="elsewhere", tasks=[arn])
    assert elsewhere["failures"] == [{"arn": arn, "reason": "MISSING"}]


async def test_a_hundred_at_a_time(scene: Scene) -> None:
    with refused("InvalidParameterException", "100"):
        await scene.ecs.describe_tasks(cluster=scene.cluster, tasks=[str(number) for number in range(101)])
    with refused("InvalidParameterException"):
        await scene.ecs.describe_tasks(cluster=scene.cluster, tasks=[])
    with refused("ClusterNotFoundException"):
        await scene.ecs.describe_tasks(cluster="another", tasks=["0"])


async def test_tags_have_to_be_asked_for(scene: Scene) -> None:
    tags = [{"key": "execution", "value": "exe-1"}]
    arn = await scene.run(await scene.register(), tags=tags)
    assert not (await scene.described(arn)).get("tags")
    answer = await scene.ecs.describe_tasks(cluster=scene.cluster, tasks=[arn], include=["TAGS"])
    assert answer["tasks"][0]["tags"] == tags


async def test_a_new_task_may_not_be_visible_yet(scene: Scene) -> None:
    await scene.control.set(visibility_delay_seconds=3_600)
    arn = await scene.run(await scene.register(), startedBy="invisible")
    answer = await scene.ecs.describe_tasks(cluster=scene.cluster, tasks=[arn])
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
    assert (await scene.ecs.list_tasks(cluster=scene.cluster, startedBy="invisible"))["taskArns"] == []
    await scene.control.set(visibility_delay_seconds=0)
    assert (await scene.ecs.list_tasks(cluster=scene.cluster, startedBy="invisible"))["taskArns"] == [arn]
    await scene.described(arn)


async def test_running_tasks_are_listed_unless_others_are_asked_for(scene: Scene) -> None:
    definition = await scene.register(family="listed")
    ended, running = await scene.running(definition), await scene.running(definition)
    await scene.control.end(ended)
    await scene.control.wait_for(ended, "STOPPED")
    by_default = await scene.ecs.list_tasks(cluster=scene.cluster, family="listed")
    assert by_default["taskArns"] == [running]
    stopped = await scene.ecs.list_tasks(cluster=scene.cluster, family="listed", desiredStatus="STOPPED")
    assert stopped["taskArns"] == [ended]
    pending = await scene.ecs.list_tasks(cluster=scene.cluster, family="listed", desiredStatus="PENDING")
    assert pending["taskArns"] == []


async def test_started_by_is_the_only_filter(scene: Scene) -> None:
    arn = await scene.run(await scene.register(family="mine"), startedBy="exe-42")
    answer = await scene.ecs.list_tasks(cluster=scene.cluster, startedBy="exe-42", maxResults=1)
    assert answer["taskArns"] == [arn]
    with refused("InvalidParameterException", "cannot specify startedBy with other arguments"):
        await scene.ecs.list_tasks(cluster=scene.cluster, startedBy="exe-42", family="mine")
    with refused("InvalidParameterException", "cannot specify startedBy with other arguments"):
        await scene.ecs.list_tasks(cluster=scene.cluster, startedBy="exe-42", desiredStatus="STOPPED")


async def test_pages_of_a_hundred(scene: Scene) -> None:
    definition = await scene.register(family="many")
    arns: list[str] = []
    for _ in range(13):
        answer = await scene.request(definition, count=10, startedBy="many")
        arns += [task["taskArn"] for task in answer["tasks"]]
    first = await scene.ecs.list_tasks(cluster=scene.cluster, startedBy="many")
    assert len(first["taskArns"]) == 100
    await scene.stop(first["taskArns"][0])  # the pages stay where they are
    second = await scene.ecs.list_tasks(cluster=scene.cluster, startedBy="many", nextToken=first["nextToken"])
    assert "nextToken" not in second
    assert first["taskArns"] + second["taskArns"] == arns
    with refused("InvalidParameterException"):
        await scene.ecs.list_tasks(cluster=scene.cluster, maxResults=101)


async def test_stopping(scene: Scene) -> None:
    tags = [{"key": "k", "value": "v"}]
    arn = await scene.running(await scene.register(), tags=tags)
    answer = await scene.ecs.stop_task(cluster=scene.cluster, task=arn, reason="cancelled by ada")
    assert answer["task"]["desiredStatus"] == "STOPPED"
    task = await scene.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "cancelled by ada")
    assert task["containers"][0]["exitCode"] == 143
    again = await scene.ecs.stop_task(cluster=scene.cluster, task=arn, reason="again")
    assert again["task"]["stoppedReason"] == "cancelled by ada"
    described = await scene.ecs.describe_tasks(cluster=scene.cluster, tasks=[arn], include=["TAGS"])
    assert not described["tasks"][0].get("tags"), "a stop deletes a task's tags"
    with refused("InvalidParameterException", "The referenced task was not found."):
        await scene.ecs.stop_task(cluster=scene.cluster, task="0" * 32)


async def test_stopped_tasks_are_forgotten(scene: Scene) -> None:
    arn = await scene.running(await scene.register())
    await scene.stop(arn)
    await scene.stopped(arn)
    await scene.control.set(stopped_task_seconds=-1)
    answer = await scene.ecs.describe_tasks(cluster=scene.cluster, tasks=[arn])
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
    with refused("InvalidParameterException", "The referenced task was not found."):
        await scene.stop(arn)
