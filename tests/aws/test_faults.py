"""Faults that a test orders, and the log of calls."""

import asyncio
import time

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError

from tests.aws.client import AwsClient, refused
from tests.aws.control import Control
from tests.aws.wire import Fault


async def test_throttled_for_a_number_of_calls(aws: AwsClient, control: Control) -> None:
    definition = await aws.register()
    await control.throttle("RunTask", calls=2)
    for _ in range(2):
        with refused("ThrottlingException", "Rate exceeded"):
            await aws.request(definition)
    await aws.run(definition)
    assert [call.result for call in await control.calls("RunTask")] == ["ThrottlingException"] * 2 + ["ok"]
    assert [fault.hits for fault in await control.faults()] == [2]


async def test_throttled_for_a_time(aws: AwsClient, control: Control) -> None:
    await control.throttle("ListTasks", seconds=0.3)
    began = time.monotonic()
    with refused("ThrottlingException"):
        await aws.ecs.list_tasks(cluster=aws.cluster)
    async with asyncio.timeout(10):
        while (await control.calls("ListTasks"))[-1].result != "ok":
            try:
                await aws.ecs.list_tasks(cluster=aws.cluster)
            except aws.ecs.exceptions.ClientError:
                await asyncio.sleep(0.02)
    assert time.monotonic() - began >= 0.29


async def test_until_it_is_cleared(aws: AwsClient, control: Control) -> None:
    fault = await control.deny("StopTask")
    with refused("AccessDeniedException", "is not authorized to perform: ecs:StopTask"):
        await aws.stop("0")
    await control.clear_faults(fault)
    with refused("InvalidParameterException"):
        await aws.stop("0")


@pytest.mark.parametrize(
    ("action", "code", "message"),
    [
        ("RunTask", "InvalidParameterException", "Rate exceeded (ErrorCode: Throttling)"),
        ("RegisterTaskDefinition", "ClientException", "Too many concurrent attempts to create a new revision"),
    ],
)
async def test_throttling_in_disguise(aws: AwsClient, control: Control, action: str, code: str, message: str) -> None:
    definition = await aws.register()
    await control.throttle(action, calls=1, is_hidden=True)
    with refused(code, message):
        await (aws.request(definition) if action == "RunTask" else aws.register())


async def test_a_lost_response(aws: AwsClient, control: Control) -> None:
    definition = await aws.register()
    await control.order(Fault(action="RunTask", kind="lose_response", calls=1))
    with pytest.raises(ConnectionClosedError):
        await aws.request(definition, clientToken="lost", startedBy="lost")
    arn = await aws.run(definition, clientToken="lost", startedBy="lost")
    assert (await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="lost"))["taskArns"] == [arn]
    lost, repeated = await control.calls("RunTask")
    assert (lost.result, repeated.result) == ("lost", "ok")
    assert lost.task_arns == repeated.task_arns == [arn]


async def test_a_refused_connection(aws: AwsClient, control: Control) -> None:
    definition = await aws.register()
    await control.order(Fault(action="*", kind="refuse", calls=1))
    with pytest.raises(HTTPClientError):
        await aws.request(definition, startedBy="refused")
    assert (await aws.ecs.list_tasks(cluster=aws.cluster, startedBy="refused"))["taskArns"] == []


async def test_a_call_that_hangs(aws: AwsClient, control: Control) -> None:
    fault = await control.order(Fault(action="ListTasks", kind="hang"))
    call = asyncio.ensure_future(aws.ecs.list_tasks(cluster=aws.cluster))
    async with asyncio.timeout(10):
        while not await control.calls("ListTasks"):
            await asyncio.sleep(0.02)
    assert not call.done()
    await control.clear_faults(fault)
    with pytest.raises(HTTPClientError):
        await call
    assert (await control.calls("ListTasks"))[0].result == "hung"


async def test_latency(aws: AwsClient, control: Control) -> None:
    await control.delay("*", 3_600)
    await control.delay("DescribeTasks", 0.2)  # the last that applies
    await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=["0"])
    assert 0.2 <= (await control.calls("DescribeTasks"))[0].seconds < 3


async def test_faults_of_what_moto_answers(aws: AwsClient, control: Control) -> None:
    queue = aws.environment["ECS_EVENTS_QUEUE_URL"]
    for action in ("GetLogEvents", "GetAuthorizationToken", "ReceiveMessage"):
        await control.order(
            Fault(action=action, kind="error", code="ServiceUnavailable", message="Later", status=503, calls=1)
        )
    with refused("ServiceUnavailable", "Later"):
        await aws.lines("0")
    with refused("ServiceUnavailable"):
        await aws.ecr.get_authorization_token()
    with refused("ServiceUnavailable"):
        await aws.sqs.receive_message(QueueUrl=queue)
    assert (await aws.ecr.get_authorization_token())["authorizationData"]
    assert await control.counts() == {"GetLogEvents": 1, "GetAuthorizationToken": 2, "ReceiveMessage": 1}


async def test_no_capacity_for_a_time(aws: AwsClient, control: Control) -> None:
    definition = await aws.register()
    fault = await control.lack_capacity(reason="RESOURCE:ENI")
    answer = await aws.request(definition, count=2)
    assert answer["tasks"] == []
    assert answer["failures"] == [{"reason": "RESOURCE:ENI"}] * 2
    assert (await control.calls("RunTask"))[0].failures == 2
    await control.clear_faults(fault)
    await aws.run(definition)


async def test_one_capacity_provider_of_two_is_empty(aws: AwsClient, control: Control) -> None:
    definition = await aws.register()
    await control.lack_capacity(provider="FARGATE_SPOT")
    strategy = {"cluster": aws.cluster, "taskDefinition": definition, "networkConfiguration": aws.network}
    for provider, tasks in (("FARGATE_SPOT", 0), ("FARGATE", 1), ("FARGATE_SPOT", 0)):
        answer = await aws.ecs.run_task(**strategy, capacityProviderStrategy=[{"capacityProvider": provider}])
        assert (len(answer["tasks"]), len(answer["failures"])) == (tasks, 1 - tasks)
    await aws.run(definition)  # as FARGATE's launch type


async def test_the_log_of_calls(aws: AwsClient, control: Control) -> None:
    definition = await aws.register(family="logged")
    arn = await aws.run(definition, clientToken="logged", startedBy="exe-9", tags=[{"key": "k", "value": "v"}])
    await aws.ecs.describe_tasks(cluster=aws.cluster, tasks=[arn, "0"])
    await aws.stop(arn, "logged")
    with refused("ResourceNotFoundException"):
        await aws.lines("0")
    registered, ran, described, stopped, read = await control.calls()
    assert registered.parameters == {"family": "logged"}
    assert (ran.service, ran.action, ran.result, ran.task_arns) == ("ecs", "RunTask", "ok", [arn])
    assert ran.parameters == {
        "cluster": aws.cluster,
        "taskDefinition": definition,
        "launchType": "FARGATE",
        "clientToken": "logged",
        "startedBy": "exe-9",
    }
    assert described.parameters == {"cluster": aws.cluster, "tasks": 2}
    assert described.failures == 1
    assert (stopped.parameters["task"], stopped.parameters["reason"]) == (arn, "logged")
    assert (read.service, read.action, read.result) == ("logs", "GetLogEvents", "ResourceNotFoundException")
    assert registered.time <= ran.time <= described.time <= stopped.time
    await control.reset_calls()
    assert await control.calls() == []
