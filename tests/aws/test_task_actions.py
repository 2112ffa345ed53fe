"""DescribeTasks, ListTasks and StopTask."""

from tests.aws.client import AwsClient, refused


async def test_unknown_tasks_are_missing(aws: AwsClient) -> None:
    arn = await aws.run(await aws.register())
    answer = await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=["0" * 32, arn.rpartition("/")[2]])
    assert [task["taskArn"] for task in answer["tasks"]] == [arn]
    unknown = f"arn:aws:ecs:us-east-1:123456789012:task/{aws.cluster}/{'0' * 32}"
    assert answer["failures"] == [{"arn": unknown, "reason": "MISSING"}]
    await aws.ecs.create_cluster(clusterName="elsewhere")
    elsewhere = await aws.ecs.describe_tasks(cluster="elsewhere", tasks=[arn])
    assert elsewhere["failures"] == [{"arn": arn, "reason": "MISSING"}]


async def test_a_hundred_at_a_time(aws: AwsClient) -> None:
    with refused("InvalidParameterException", "100"):
        await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=[str(number) for number in range(101)])
    with refused("InvalidParameterException"):
        await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=[])
    with refused("ClusterNotFoundException"):
        await aws.ecs.describe_tasks(cluster="another", tasks=["0"])


async def test_tags_have_to_be_asked_for(aws: AwsClient) -> None:
    tags = [{"key": "execution", "value": "exe-1"}]
    arn = await aws.run(await aws.register(), tags=tags)
    assert not (await aws.described(arn)).get("tags")
    answer = await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=[arn], include=["TAGS"])
    assert answer["tasks"][0]["tags"] == tags


async def test_a_new_task_may_not_be_visible_yet(aws: AwsClient) -> None:
    await aws.control.set(visibility_delay_seconds=3_600)
    arn = await aws.run(await aws.register(), startedBy="invisible")
    answer = await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=[arn])
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
    assert (await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="invisible"))["taskArns"] == []
    await aws.control.set(visibility_delay_seconds=0)
    assert (await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="invisible"))["taskArns"] == [arn]
    await aws.described(arn)


async def test_running_tasks_are_listed_unless_others_are_asked_for(aws: AwsClient) -> None:
    definition = await aws.register(family="listed")
    ended, running = await aws.running(definition), await aws.running(definition)
    await aws.control.end(ended)
    await aws.control.wait_for(ended, "STOPPED")
    by_default = await aws.ecs.list_tasks(cluster=aws.cluster, family="listed")
    assert by_default["taskArns"] == [running]
    stopped = await aws.ecs.list_tasks(cluster=aws.cluster, family="listed", desiredStatus="STOPPED")
    assert stopped["taskArns"] == [ended]
    pending = await aws.ecs.list_tasks(cluster=aws.cluster, family="listed", desiredStatus="PENDING")
    assert pending["taskArns"] == []


async def test_started_by_is_the_only_filter(aws: AwsClient) -> None:
    arn = await aws.run(await aws.register(family="mine"), startedBy="exe-42")
    answer = await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="exe-42", maxResults=1)
    assert answer["taskArns"] == [arn]
    with refused("InvalidParameterException", "cannot specify startedBy with other arguments"):
        await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="exe-42", family="mine")
    with refused("InvalidParameterException", "cannot specify startedBy with other arguments"):
        await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="exe-42", desiredStatus="STOPPED")


async def test_pages_of_a_hundred(aws: AwsClient) -> None:
    definition = await aws.register(family="many")
    arns: list[str] = []
    for _ in range(13):
        answer = await aws.request(definition, count=10, startedBy="many")
        arns += [task["taskArn"] for task in answer["tasks"]]
    first = await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="many")
    assert len(first["taskArns"]) == 100
    await aws.stop(first["taskArns"][0])  # the pages stay where they are
    second = await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="many", nextToken=first["nextToken"])
    assert "nextToken" not in second
    assert first["taskArns"] + second["taskArns"] == arns
    with refused("InvalidParameterException"):
        await aws.ecs.list_tasks(cluster=aws.cluster, maxResults=101)


async def test_stopping(aws: AwsClient) -> None:
    tags = [{"key": "k", "value": "v"}]
    arn = await aws.running(await aws.register(), tags=tags)
    answer = await aws.ecs.stop_task(cluster=aws.cluster, task=arn, reason="cancelled by ada")
    assert answer["task"]["desiredStatus"] == "STOPPED"
    task = await aws.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "cancelled by ada")
    assert task["containers"][0]["exitCode"] == 143
    again = await aws.ecs.stop_task(cluster=aws.cluster, task=arn, reason="again")
    assert again["task"]["stoppedReason"] == "cancelled by ada"
    described = await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=[arn], include=["TAGS"])
    assert not described["tasks"][0].get("tags"), "a stop deletes a task's tags"
    with refused("InvalidParameterException", "The referenced task was not found."):
        await aws.ecs.stop_task(cluster=aws.cluster, task="0" * 32)


async def test_stopped_tasks_are_forgotten(aws: AwsClient) -> None:
    arn = await aws.running(await aws.register())
    await aws.stop(arn)
    await aws.stopped(arn)
    await aws.control.set(stopped_task_seconds=-1)
    answer = await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=[arn])
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
    with refused("InvalidParameterException", "The referenced task was not found."):
        await aws.stop(arn)
