"""Starts that fail, come late or never, in AWS's words."""

import asyncio

import pytest

from tests.aws.client import AwsClient
from tests.aws.start_failures import (
    NO_INTERFACE,
    NO_REASON,
    NO_ROUTE_TO_ECR,
    NO_ROUTE_TO_LAYERS,
    PASSING,
    REGISTRY_FORBIDS,
    in_full,
)

_ECR_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/platform:1"


async def test_a_task_that_never_starts(aws: AwsClient) -> None:
    await aws.control.never_start()
    definition = await aws.register()
    stuck = await aws.run(definition)
    await aws.running(definition)  # only the one
    await aws.control.wait_for(stuck, "PENDING")
    assert "startedAt" not in await aws.described(stuck)
    await aws.stop(stuck, "too late")
    task = await aws.stopped(stuck)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "too late")
    assert "exitCode" not in task["containers"][0]
    assert "startedAt" not in task


async def test_a_task_that_starts_late(aws: AwsClient) -> None:
    await aws.control.start_late(0.5)
    arn = await aws.running(await aws.register())
    at = {state: time for time, state in (await aws.control.task(arn)).states}
    assert at["ACTIVATING"] - at["PENDING"] >= 0.5


async def test_one_start_in_three_fails_for_several_reasons_in_turn(aws: AwsClient) -> None:
    await aws.control.fail_to_start(NO_INTERFACE, NO_REASON, tasks=None, one_in=3)
    definition = await aws.register()
    reasons = []
    for _ in range(9):
        arn = await aws.run(definition)
        while "startedAt" not in (task := await aws.described(arn)) and "stoppedAt" not in task:
            await asyncio.sleep(0.02)
        reasons.append(task.get("stoppedReason"))
    assert reasons == [None, None, NO_INTERFACE, None, None, NO_REASON, None, None, NO_INTERFACE]


@pytest.mark.parametrize(("reason", "containers"), [(NO_ROUTE_TO_ECR, 0), (NO_ROUTE_TO_LAYERS, 1)])
async def test_there_are_containers_once_the_image_is_pulled(aws: AwsClient, reason: str, containers: int) -> None:
    await aws.control.fail_to_start(reason)
    task = await aws.stopped(await aws.run(await aws.register()))
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", reason)
    assert [container.get("reason") for container in task["containers"]] == [reason] * containers


async def test_a_registrys_refusal_names_address_and_image(aws: AwsClient) -> None:
    await aws.control.fail_to_start(REGISTRY_FORBIDS)
    task = await aws.stopped(await aws.run(await aws.register(_ECR_IMAGE)))
    assert task["stoppedReason"] == (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        f"{_ECR_IMAGE}: unexpected status from HEAD request to "
        "https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/platform/manifests/1: 403 Forbidden"
    )


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("no/such-image", "docker.io/no/such-image:latest"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
        (_ECR_IMAGE, _ECR_IMAGE),
    ],
)
def test_images_have_their_full_names(image: str, full: str) -> None:
    assert in_full("{image}", image=image) == full


def test_nothing_is_left_to_fill_in() -> None:
    assert not [text for text in PASSING if "{" in in_full(text, image="a")]
