"""Containers that run before the essential one, and the volumes that they share with it."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.aws.client import AwsClient, refused

_MOUNT: Any = {"sourceVolume": "shared", "containerPath": "/shared"}


async def register(
    aws: AwsClient, folder: Path, *, first: list[str], condition: str = "SUCCESS", **changes: Any
) -> str:
    """A task of two containers: `first` writes into a volume, `main` shows what is in it."""
    image = f"registry.example.com/{uuid.uuid4().hex}:1"
    await aws.control.register_image(image, folder)
    options = {
        "awslogs-group": aws.environment["LOG_GROUP"],
        "awslogs-region": aws.environment["AWS_REGION"],
        "awslogs-stream-prefix": "ecs",
    }
    common: Any = {
        "image": image,
        "mountPoints": [_MOUNT],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    before: Any = {"name": "first", "essential": False, "command": first, **common}
    dependency = {"containerName": "first", "condition": condition}
    main: Any = {"name": "main", "command": ["cat", "/shared/note"], "dependsOn": [dependency], **common}
    parameters: Any = {
        "family": f"family-{uuid.uuid4().hex}",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": aws.environment["EXECUTION_ROLE_ARN"],
        "volumes": [{"name": "shared"}],
        "containerDefinitions": [{**before, **changes}, main],
    }
    answer = await aws.ecs.register_task_definition(**parameters)
    return answer["taskDefinition"]["taskDefinitionArn"]


async def test_the_main_container_finds_what_the_first_one_left(aws: AwsClient, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("from the image\n")
    arn = await aws.run(await register(aws, tmp_path, first=["cp", "note", "/shared/note"]))
    task = await aws.stopped(arn)
    assert [(each["name"], each.get("exitCode")) for each in task["containers"]] == [("first", 0), ("main", 0)]
    assert task["stopCode"] == "EssentialContainerExited"
    assert await aws.lines(arn) == ["from the image"]


async def test_another_task_has_a_volume_of_its_own(aws: AwsClient, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("once\n")
    script = ["sh", "-c", "cat note >> $0", "/shared/note"]
    definition = await register(aws, tmp_path, first=script)
    for _ in range(2):
        arn = await aws.run(definition)
        await aws.stopped(arn)
        assert await aws.lines(arn) == ["once"]


async def test_if_the_first_one_fails_the_main_one_never_starts(aws: AwsClient, tmp_path: Path) -> None:
    arn = await aws.run(await register(aws, tmp_path, first=["sh", "-c", "exit 3"]))
    task = await aws.stopped(arn)
    first, main = task["containers"]
    assert (first["exitCode"], main["exitCode"]) == (3, 143)
    assert task["stopCode"] == "TaskFailedToStart"
    assert "failed to resolve container ordering dependency" in main["reason"]
    assert "startedAt" not in task
    assert await aws.lines(arn) == []


async def test_an_image_that_is_not_there_is_told_of_the_container_that_has_it(aws: AwsClient, tmp_path: Path) -> None:
    arn = await aws.run(await register(aws, tmp_path, first=["true"], image="registry.example.com/none:1"))
    task = await aws.stopped(arn)
    first, main = task["containers"]
    assert first["reason"] == task["stoppedReason"]
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "reason" not in main


async def test_a_stop_ends_the_first_one_and_the_main_one_never_starts(aws: AwsClient, tmp_path: Path) -> None:
    arn = await aws.run(await register(aws, tmp_path, first=["sleep", "600"]))
    await aws.control.wait_for(arn, "ACTIVATING")
    await aws.stop(arn)
    task = await aws.stopped(arn)
    assert task["stopCode"] == "UserInitiated"
    assert "startedAt" not in task


async def test_what_cannot_be_is_refused(aws: AwsClient, tmp_path: Path) -> None:
    with refused("ClientException", "cannot be an essential container"):
        await register(aws, tmp_path, first=["true"], essential=True)
    with refused("ClientException", "does not exist"):
        await register(aws, tmp_path, first=["true"], name="other")
    with refused("ClientException", "Unknown volume 'none'"):
        mount = {"sourceVolume": "none", "containerPath": "/none"}
        await register(aws, tmp_path, first=["true"], mountPoints=[mount])
    with refused("ClientException", "only before the essential container"):
        await aws.run(await register(aws, tmp_path, first=["true"], condition="START"))


@pytest.mark.parametrize("path", ["/shared", "/shared/note", "/sharedness", "shared"])
async def test_only_paths_of_the_mount_are_in_it(aws: AwsClient, tmp_path: Path, path: str) -> None:
    definition = await register(aws, tmp_path, first=["sh", "-c", 'echo "$0" > $1', path, "/shared/note"])
    arn = await aws.run(definition)
    await aws.stopped(arn)
    (shown,) = await aws.lines(arn)
    is_in_it = path in ("/shared", "/shared/note")
    assert (shown != path) is is_in_it
