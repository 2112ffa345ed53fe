"""Containers that are kept: whatever an execution does, the next one finds the container as the import left it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import NewProject
from tests.e2e.project import Json, Project, lines_of

REUSE = {"idle_seconds": 60}


async def test_however_an_execution_ends_the_container_goes_on(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", "ignore_the_stop", "die", reuse=REUSE, max_concurrency=1)
    first = await project.ended("die", await project.invoke("die", code=3))
    assert first["outcome"] == "FAILED"
    assert execution_of(first)["error_message"] is not None
    for function in ("note_and_hold", "ignore_the_stop"):
        containers = set()
        for number in range(2):
            notes = tmp_path / f"{function}-{number}"
            more: dict[str, Any] = {"release": str(tmp_path / "never")} if function == "note_and_hold" else {}
            invocation_id = await project.invoke(function, notes=str(notes), **more)
            await lines_of(notes)
            await project.cancel(function, invocation_id)
            ended = await project.ended(function, invocation_id)
            assert ended["outcome"] == "CANCELLED"
            containers.add(identifier_of(ended))
        assert len(containers) == 1
    after = [await project.ended("die", await project.invoke("die", code=code)) for code in (0, 4)]
    assert {identifier_of(one) for one in after} == {identifier_of(first)}
    assert [execution_of(one)["is_warm_start"] for one in after] == [True, True]


@pytest.mark.platforms("process")
async def test_one_that_times_out_leaves_its_container_to_the_next(new_project: NewProject, tmp_path: Path) -> None:
    attempts, calls = new_project(), new_project()
    name = "clean_up_when_stopped"

    async def ended(project: Project) -> Json:
        return await project.ended(name, await project.invoke(name, notes=str(tmp_path / "notes"), seconds=0))

    async def of_attempts() -> list[Json]:
        await attempts.deploy(name, reuse=REUSE, attempt_timeout_seconds=1, max_retries=1)
        found: list[Json] = (await ended(attempts))["executions"]
        assert [one["error_message"] for one in found] == [
            "AttemptTimedOut: it ran for longer than 1 s: attempt_timeout"
        ] * 2
        return found

    async def of_calls() -> list[Json]:
        await calls.deploy(name, reuse=REUSE, timeouts={name: 2})
        found = [await ended(calls) for _ in range(2)]
        assert [one["outcome"] for one in found] == ["TIMED_OUT"] * 2
        return [execution_of(one) for one in found]

    for found in await asyncio.gather(of_attempts(), of_calls()):
        assert [one["is_warm_start"] for one in found] == [False, True]
        assert [one["output"] for one in found] == ['"cleaned up"'] * 2


@pytest.mark.platforms("docker")
@pytest.mark.parametrize(
    ("isolation", "reason"),
    [("fork", "exit code 137 (SIGKILL)"), ("process", "killed for using more than its memory (128 MiB)")],
)
async def test_where_memory_runs_out_a_copy_is_killed_and_the_container_goes_on(
    project: Project, isolation: str, reason: str
) -> None:
    reuse = REUSE | {"isolation": isolation}
    await project.deploy("take_memory", reuse=reuse, memory_gbs=0.125, max_concurrency=1)
    ended = [await project.ended("take_memory", await project.invoke("take_memory", mib=n)) for n in (1, 500, 2)]
    assert [one["outcome"] for one in ended] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert execution_of(ended[1])["error_message"] == reason
    said = ["(Killed by the kernel: there was no memory left in the container.)"] if isolation == "fork" else []
    assert await project.logs("take_memory", ended[1]) == said
    assert [execution_of(one)["is_warm_start"] for one in ended] == [False, True, isolation == "fork"]


async def test_an_import_that_ends_the_process_is_a_failure_as_without_reuse(new_project: NewProject) -> None:
    projects = [new_project(), new_project()]
    for project, reuse in zip(projects, (None, REUSE), strict=True):
        await project.deploy("double", environment={"EXIT_AT_IMPORT": "0"}, max_retries=1, reuse=reuse)
    calls = [(project, await project.invoke("double", number=1)) for project in projects]
    ended = await asyncio.gather(*(project.ended("double", call) for project, call in calls))
    for project, invocation in zip(projects, ended, strict=True):
        found = [(one["error_message"], one["launches"]) for one in invocation["executions"]]
        assert (invocation["outcome"], found) == ("FAILED", [("exited without a result", 1)] * 2)
        assert await project.logs("double", invocation) == ["importing"]


def execution_of(invocation: Json) -> Json:
    execution: Json
    (execution,) = invocation["executions"]
    return execution


def identifier_of(invocation: Json) -> str:
    return str(execution_of(invocation)["worker_details"]["identifier"])
