"""Containers that are kept: whatever an execution does, the next one finds the container as the import left it."""

from pathlib import Path
from typing import Any

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


def execution_of(invocation: Json) -> Json:
    execution: Json
    (execution,) = invocation["executions"]
    return execution


def identifier_of(invocation: Json) -> str:
    return str(execution_of(invocation)["worker_details"]["identifier"])
