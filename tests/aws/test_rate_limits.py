"""AWS's token buckets."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from botocore.exceptions import ClientError

from tests.aws.client import AwsClient
from tests.aws.errors import AwsError
from tests.aws.rate_limits import RateLimits


async def _refusals(calls: int, call: Callable[[], Awaitable[object]]) -> int:
    answers = await asyncio.gather(*(call() for _ in range(calls)), return_exceptions=True)
    errors = [answer for answer in answers if isinstance(answer, ClientError)]
    assert {error.response["Error"]["Code"] for error in errors} <= {"ThrottlingException"}
    return len(errors)


async def test_a_burst_of_run_task(aws: AwsClient) -> None:
    definition = await aws.register()
    await aws.control.set(has_rate_limits=False)
    assert await _refusals(40, lambda: aws.request(definition)) == 0
    await aws.control.set(has_rate_limits=True)
    assert 1 <= await _refusals(40, lambda: aws.request(definition)) <= 20


async def test_reads_share_a_bucket(aws: AwsClient) -> None:
    refusals = await _refusals(80, lambda: aws.ecs.list_tasks(cluster=aws.cluster, startedBy="x"))
    assert refusals == 0
    refusals = await _refusals(60, lambda: aws.ecs.describe_tasks(cluster=aws.cluster, tasks=["0"]))
    assert 1 <= refusals <= 40


async def test_task_definitions_one_a_second(aws: AwsClient) -> None:
    assert 4 <= await _refusals(25, aws.register) <= 5


def test_registering_and_deregistering_share_a_bucket() -> None:
    limits = RateLimits()
    for _ in range(10):
        limits.check("RegisterTaskDefinition")
        limits.check("DeregisterTaskDefinition")
    for action in ("RegisterTaskDefinition", "DeregisterTaskDefinition"):
        with pytest.raises(AwsError, match="ThrottlingException"):
            limits.check(action)


async def test_log_pages(aws: AwsClient) -> None:
    arn = await aws.running(await aws.register())
    assert 1 <= await _refusals(30, lambda: aws.lines(arn)) <= 20
