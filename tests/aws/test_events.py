"""Task state changes in the account's queue."""

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from tests.aws.client import AwsClient


@pytest.fixture
async def queue(aws: AwsClient) -> str:
    url = aws.environment["ECS_EVENTS_QUEUE_URL"]
    while await _receive(aws, url, wait_seconds=0):
        pass
    await aws.control.set(sends_every_state=True)
    return url


async def _receive(aws: AwsClient, queue: str, *, wait_seconds: int = 1) -> list[dict[str, Any]]:
    answer = await aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds)
    messages = answer.get("Messages", [])
    if messages:
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        await aws.sqs.delete_message_batch(QueueUrl=queue, Entries=entries)  # type: ignore[arg-type]
    return [json.loads(message["Body"]) for message in messages]


async def _events_until_stopped(aws: AwsClient, queue: str, arn: str, *, copies: int = 1) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while [event["detail"]["lastStatus"] for event in events].count("STOPPED") < copies:
            received = await _receive(aws, queue)
            events += [event for event in received if event["detail"]["taskArn"] == arn]
    return events


async def test_every_change_is_sent(aws: AwsClient, queue: str) -> None:
    arn = await aws.running(await aws.register(), tags=[{"key": "k", "value": "v"}])
    await aws.stop(arn, "enough")
    task = await aws.stopped(arn)
    events = await _events_until_stopped(aws, queue, arn)
    statuses = [event["detail"]["lastStatus"] for event in events]
    assert list(dict.fromkeys(statuses)) == [state for _, state in (await aws.control.task(arn)).states]
    versions = [event["detail"]["version"] for event in events]
    assert versions == sorted(set(versions))
    last = events[-1]
    assert (last["source"], last["detail-type"]) == ("aws.ecs", "ECS Task State Change")
    assert last["resources"] == [arn]
    detail = last["detail"]
    assert detail["version"] == task["version"]
    assert (detail["stopCode"], detail["stoppedReason"]) == ("UserInitiated", "enough")
    assert detail["containers"][0]["exitCode"] == 143
    assert datetime.fromisoformat(detail["stoppedAt"]) == task["stoppedAt"]
    assert "tags" not in detail


async def test_a_spot_warning_comes_while_the_task_runs(aws: AwsClient, queue: str) -> None:
    arn = await aws.running(await aws.register())
    await aws.control.interrupt_spot(arn)
    events = await _events_until_stopped(aws, queue, arn)
    warnings = [each["detail"] for each in events if each["detail"]["lastStatus"] == "RUNNING"][1:]
    assert [(each["desiredStatus"], each["stopCode"]) for each in warnings] == [("STOPPED", "SpotInterruption")]


async def test_twice_or_never(aws: AwsClient, queue: str) -> None:
    await aws.control.set(event_copies=0)
    silent = await aws.running(await aws.register())
    await aws.control.end(silent)
    await aws.control.wait_for(silent, "STOPPED")
    await aws.control.set(event_copies=2, event_delay_seconds=0.05)
    doubled = await aws.running(await aws.register())
    await aws.control.end(doubled)
    events = await _events_until_stopped(aws, queue, doubled, copies=2)
    ids = [event["detail"]["version"] for event in events]
    assert all(ids.count(version) == 2 for version in ids)
    assert await _receive(aws, queue, wait_seconds=0) == []


async def test_only_what_the_rule_lets_through_and_nothing_of_a_disabled_one(aws: AwsClient, queue: str) -> None:
    await aws.control.set(sends_every_state=False)
    rule = "control-plane-task-events"
    await aws.events.disable_rule(Name=rule)
    unheard = await aws.running(await aws.register())
    await aws.control.end(unheard)
    await aws.control.wait_for(unheard, "STOPPED")
    await aws.events.enable_rule(Name=rule)
    heard = await aws.running(await aws.register())
    await aws.control.end(heard)
    statuses = [event["detail"]["lastStatus"] for event in await _events_until_stopped(aws, queue, heard)]
    assert statuses == ["DEPROVISIONING", "STOPPED"]
    assert await _receive(aws, queue, wait_seconds=0) == []
