"""Which failures another attempt follows, and where it goes on."""

import json
from pathlib import Path

import pytest

from tests.e2e.project import PROGRAMS, Project, lines_of


@pytest.mark.platforms("process")
async def test_no_attempt_follows_do_not_retry(project: Project, tmp_path: Path) -> None:
    await project.deploy("give_up", max_retries=3)
    notes = tmp_path / "notes"
    invocation = await project.ended("give_up", await project.invoke("give_up", notes=str(notes)))
    (execution,) = invocation["executions"]
    assert (invocation["outcome"], len(await lines_of(notes))) == ("FAILED", 1)
    assert execution["error_message"] == "DoNotRetry: no other attempt would help"


@pytest.mark.platforms("process")
async def test_none_follows_a_failure_that_the_function_names(project: Project, tmp_path: Path) -> None:
    """By an exception that it is derived from too, as the program in its container knows that."""
    await project.deploy("fail_at_first", max_retries=3, no_retry_on=["Exception"])
    notes = tmp_path / "notes"
    invocation = await project.ended(
        "fail_at_first", await project.invoke("fail_at_first", notes=str(notes), failures=1)
    )
    assert (invocation["outcome"], invocation["attempts"]) == ("FAILED", 1)
    assert invocation["error_message"] == "ValueError: run 1"


async def test_none_follows_an_exit_code_that_the_command_names(project: Project) -> None:
    for code, attempts in ((3, 1), (4, 2)):
        await project.deploy(
            "command",
            folder=PROGRAMS,
            command=["sh", "-c", f"exit {code}"],
            max_retries=1,
            no_retry_on=["exit code 3"],
        )
        invocation = await project.ended("command", await project.invoke_with("command", ""))
        assert (invocation["error_message"], invocation["attempts"]) == (f"exit code {code}", attempts)


@pytest.mark.platforms("process")
async def test_a_later_attempt_goes_on_where_the_one_before_was(project: Project, tmp_path: Path) -> None:
    await project.deploy("go_on_where_it_was", max_retries=2, retry_jitter=1.0)
    invocation_id = await project.invoke("go_on_where_it_was", notes=str(tmp_path / "notes"), failures=2)
    invocation = await project.ended("go_on_where_it_was", invocation_id)
    assert json.loads(invocation["executions"][-1]["output"]) == {"done": [1, 2, 3], "attempt": 3}
    assert invocation["checkpoint"]["attempt"] == 3


@pytest.mark.platforms("process")
async def test_a_later_attempt_awaits_the_children_of_those_before(project: Project, tmp_path: Path) -> None:
    await project.deploy(
        "call_and_fail", "note_and_hold", "triple", max_retries=2, resume_children=True, max_concurrency=10
    )
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("call_and_fail", notes=str(notes), release=str(tmp_path / "release"))
    invocation = await project.ended("call_and_fail", invocation_id)
    killed, failed, succeeded = invocation["executions"]
    assert (killed["outcome"], failed["error_message"]) == (None, "ValueError: after its children")
    assert json.loads(succeeded["output"]) == [3, 6]
    assert len(await lines_of(notes)) == 3
    children = await project.http.get(
        f"/projects/{project.name}/invocations", params={"parent_invocation_id": invocation_id}
    )
    assert len(children.json()["invocations"]) == 5, "three that held, two of the map"
