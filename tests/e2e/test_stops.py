"""Cancellation, timeout, children and deletion, through the whole stack."""

import asyncio
import json
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from control_plane_server.catalog.database import Database
from tests.e2e.conftest import STOP_GRACE_SECONDS, NewProject
from tests.e2e.platforms import Platform
from tests.e2e.project import Json, Project, lines_of, release_file
from tests.factories import insert_function


async def test_a_cancellation_by_the_temporal_cli_is_one_by_rest(
    project: Project, temporal: Client, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold", max_retries=3)
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    handle = temporal.get_workflow_handle(invocation_id)
    await handle.cancel()
    invocation = await project.ended("note_and_hold", invocation_id)
    assert invocation["cancellation_request_time"] is not None
    (execution,) = invocation["executions"]
    assert execution["outcome"] == "ABORTED"
    while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        await asyncio.sleep(0.02)
    assert (await handle.describe()).status is WorkflowExecutionStatus.CANCELED


@pytest.mark.platforms("process")
async def test_cancelling_while_queued_starts_nothing(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", max_concurrency=1)
    holder_notes, notes, release = (tmp_path / name for name in ("holder", "queued", "release"))
    holder = await project.invoke("note_and_hold", notes=str(holder_notes), release=str(release))
    await lines_of(holder_notes)
    queued = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await project.cancel("note_and_hold", queued)
    assert (await project.ended("note_and_hold", queued))["executions"] == []
    release.touch()
    await project.ended("note_and_hold", holder)
    assert not notes.exists()


async def test_cancelling_between_attempts_makes_no_further_one(project: Project, tmp_path: Path) -> None:
    await project.deploy(
        "fail_at_first", max_retries=5, retry_initial_interval_seconds=600, retry_max_interval_seconds=600
    )
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("fail_at_first", notes=str(notes), failures=9)
    while not _has_ended_execution(await project.get("fail_at_first", invocation_id)):
        await asyncio.sleep(0.02)
    await project.cancel("fail_at_first", invocation_id)
    invocation = await project.ended("fail_at_first", invocation_id)
    assert [execution["outcome"] for execution in invocation["executions"]] == ["FAILED"]


@pytest.mark.platforms("process")
async def test_cancelling_before_the_function_is_ready_starts_nothing(
    new_project: NewProject, catalog: Database
) -> None:
    function = await insert_function(catalog, is_ready=False)
    project = new_project(function.project_name)
    invocation_id = await project.invoke(function.function_name)
    await project.cancel(function.function_name, invocation_id)
    invocation = await project.ended(function.function_name, invocation_id)
    assert (invocation["function_status"], invocation["executions"]) == ("PENDING", [])


async def test_cancelling_a_container_that_has_finished_does_not_change_its_result(project: Project) -> None:
    await project.deploy("finish_but_linger")
    invocation_id = await project.invoke("finish_but_linger")
    while not _outcomes(await project.get("finish_but_linger", invocation_id, wait_seconds=30)):
        continue
    await project.cancel("finish_but_linger", invocation_id)
    invocation = await project.ended("finish_but_linger", invocation_id)
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["output"]) == ("SUCCEEDED", '"done"')
    assert execution["termination_signal_time"] is not None


async def test_a_cancellation_at_any_moment_leaves_nothing_behind(
    project: Project, platform: Platform, tmp_path: Path
) -> None:
    """From before the first row to after the end: every twenty-fifth of a second in a container's first 0.6."""
    await project.deploy("note_and_hold", max_concurrency=10, max_retries=3)

    async def cancel_after(seconds: float) -> Json:
        invocation_id = await project.invoke(
            "note_and_hold", notes=str(tmp_path / f"notes-{seconds}"), release=str(tmp_path / "never")
        )
        await asyncio.sleep(seconds)
        await project.cancel("note_and_hold", invocation_id)
        return await project.ended("note_and_hold", invocation_id)

    for moment in range(15):
        invocation = await cancel_after(moment / 25)
        assert _outcomes(invocation) in ([], ["ABORTED"], [None])
        for execution in invocation["executions"]:
            assert execution["worker_status"] == "TERMINATED"
            container = execution["worker_details"]
            assert container is None or await platform.is_gone(container["identifier"])


async def test_a_cancellation_may_be_repeated_and_is_refused_afterwards(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold")
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    await asyncio.gather(*(project.cancel("note_and_hold", invocation_id) for _ in range(5)))
    ended = await project.ended("note_and_hold", invocation_id)
    path = f"/projects/{project.name}/versions/latest/functions/note_and_hold/invocations/{invocation_id}/cancel"
    response = await project.http.put(path)
    assert (response.status_code, response.json()) == (409, {"detail": "This invocation has already terminated"})
    assert await project.get("note_and_hold", invocation_id) == ended


async def test_the_timeout_lets_the_function_clean_up(project: Project, tmp_path: Path) -> None:
    await project.deploy("clean_up_when_stopped", timeout_seconds=3, max_retries=3)  # the start is part of it
    invocation_id = await project.invoke("clean_up_when_stopped", notes=str(tmp_path / "notes"), seconds=0.5)
    invocation = await project.ended("clean_up_when_stopped", invocation_id)
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["output"]) == ("ABORTED", '"cleaned up"')
    assert execution["termination_signal_time"] > invocation["creation_time"] + 3
    assert invocation["cancellation_request_time"] is None


@pytest.mark.platforms("process")
async def test_the_timeout_covers_the_queue(project: Project, tmp_path: Path) -> None:
    await project.deploy("ignore_the_stop", max_concurrency=1, timeout_seconds=2)  # the slot is held through the grace
    ids = [await project.invoke("ignore_the_stop", notes=str(tmp_path / "notes")) for _ in range(2)]
    first, second = [await project.ended("ignore_the_stop", invocation_id) for invocation_id in ids]
    assert len(first["executions"]) == 1
    assert second["executions"] == []
    assert second["last_update_time"] > second["creation_time"] + 2


async def test_a_function_that_ignores_the_stop_is_killed_after_the_grace_period(
    project: Project, tmp_path: Path
) -> None:
    await project.deploy("ignore_the_stop")
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("ignore_the_stop", notes=str(notes))
    await lines_of(notes)
    await project.cancel("ignore_the_stop", invocation_id)
    (execution,) = (await project.ended("ignore_the_stop", invocation_id))["executions"]
    assert execution["outcome"] == "ABORTED"
    assert execution["error_message"] == "killed after the grace period: it was told to stop and did not end"
    assert execution["last_update_time"] - execution["termination_signal_time"] >= STOP_GRACE_SECONDS - 1


@pytest.mark.platforms("process")  # on ECS it takes 45 s longer: tests/activities/test_container_watch.py
async def test_a_container_that_has_finished_but_lingers_is_stopped(project: Project) -> None:
    await project.deploy("finish_but_linger")
    invocation = await project.ended("finish_but_linger", await project.invoke("finish_but_linger"))
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["output"]) == ("SUCCEEDED", '"done"')
    assert execution["last_update_time"] - execution["execution_finish_time"] >= STOP_GRACE_SECONDS - 1


@pytest.mark.parametrize("stop", ["cancellation", "timeout"])
async def test_a_stop_reaches_every_descendant(project: Project, tmp_path: Path, stop: str) -> None:
    await project.deploy("call_and_hold", "call_and_wait", timeouts={"call_and_hold": 12 if stop == "timeout" else 300})
    notes = tmp_path / "notes"
    oldest = await project.invoke("call_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes, at_least=2)
    if stop == "cancellation":
        await project.cancel("call_and_hold", oldest)
    descendants = [await project.ended("call_and_wait", invocation_id) for invocation_id in await _children(project)]
    assert len(descendants) == 2
    for invocation in [await project.ended("call_and_hold", oldest), *descendants]:
        (execution,) = invocation["executions"]
        assert execution["outcome"] == "ABORTED"
    assert all(invocation["cancellation_request_time"] for invocation in descendants)


async def test_a_normal_end_leaves_children_alone(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", "double")
    parent = await project.ended("double", await project.invoke("double", number=1))
    notes, release = tmp_path / "notes", tmp_path / "release"
    child = await project.invoke(
        "note_and_hold", parent=("double", parent["invocation_id"]), notes=str(notes), release=str(release)
    )
    await lines_of(notes)
    release.touch()
    assert (await project.ended("note_and_hold", child))["executions"][0]["outcome"] == "SUCCEEDED"


async def test_a_child_of_a_cancelled_parent_is_cancelled_at_birth(
    project: Project, temporal: Client, tmp_path: Path
) -> None:
    await project.deploy("ignore_the_stop", "double")
    notes = tmp_path / "notes"
    parent = await project.invoke("ignore_the_stop", notes=str(notes))
    await lines_of(notes)
    await project.cancel("ignore_the_stop", parent)
    child = await project.ended("double", await project.invoke("double", parent=("ignore_the_stop", parent), number=1))
    assert child["cancellation_request_time"] is not None
    assert child["executions"] == []
    handle = temporal.get_workflow_handle(child["invocation_id"])
    while (status := (await handle.describe()).status) is WorkflowExecutionStatus.RUNNING:
        await asyncio.sleep(0.02)
    assert status is WorkflowExecutionStatus.CANCELED
    await project.ended("ignore_the_stop", parent)


async def test_a_deleted_project_is_gone_and_can_be_made_again(project: Project, tmp_path: Path) -> None:
    await project.deploy("clean_up_when_stopped", "double")
    notes = tmp_path / "notes"
    await project.invoke("clean_up_when_stopped", notes=str(notes), seconds=1)
    await lines_of(notes)
    answer = await project.http.delete(f"/projects/{project.name}")
    assert answer.json()["deletion_request_time"] is not None
    version = await project.http.post(
        f"/projects/{project.name}/versions", json={"default_docker_image": "", "functions": []}
    )
    assert (version.status_code, version.json()) == (400, {"detail": "The project is being deleted"})
    late = await project.http.post(
        f"/projects/{project.name}/versions/latest/functions/double/invocations", json={"input": '{"number": 1}'}
    )
    if late.status_code == 400:  # the deletion has looked for the first time
        assert late.json() == {"detail": "The project is being deleted"}
    else:
        assert late.json()["cancellation_request_time"] is not None
    while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
        await asyncio.sleep(0.05)
    await project.deploy("double")
    again = await project.ended("double", await project.invoke("double", number=4))
    assert again["executions"][0]["output"] == "8"


@pytest.mark.platforms("process")
async def test_a_project_without_invocations_is_deleted_at_once(new_project: NewProject) -> None:
    project = new_project()
    await project.deploy("double")
    await project.http.delete(f"/projects/{project.name}")
    while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
        await asyncio.sleep(0.05)


async def _children(project: Project) -> list[str]:
    response = await project.http.get(f"/projects/{project.name}/versions/latest/functions/call_and_wait/invocations")
    return [invocation["invocation_id"] for invocation in response.json()["invocations"]]


def _outcomes(invocation: Json) -> list[str | None]:
    return [execution["outcome"] for execution in invocation["executions"]]


def _has_ended_execution(invocation: Json) -> bool:
    return any(execution["worker_status"] == "TERMINATED" for execution in invocation["executions"])


async def test_an_attempt_that_runs_for_too_long_fails_and_the_next_one_has_its_own_time(
    project: Project, tmp_path: Path
) -> None:
    await project.deploy("clean_up_when_stopped", attempt_timeout_seconds=1, max_retries=1)
    invocation = await project.ended(
        "clean_up_when_stopped", await project.invoke("clean_up_when_stopped", notes=str(tmp_path / "notes"), seconds=0)
    )
    assert _outcomes(invocation) == ["FAILED", "FAILED"]
    expected = "AttemptTimedOut: it ran for longer than 1 s: attempt_timeout"
    assert [execution["error_message"] for execution in invocation["executions"]] == [expected] * 2
    assert (invocation["outcome"], invocation["error_message"]) == ("FAILED", expected)
    assert {execution["output"] for execution in invocation["executions"]} == {'"cleaned up"'}


@pytest.mark.platforms("process")
async def test_what_waits_in_the_queue_for_too_long_times_out(
    project: Project, temporal: Client, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold", max_concurrency=1, queue_timeout_seconds=60)
    notes, release = tmp_path / "notes", tmp_path / "release"
    functions = f"/projects/{project.name}/versions/latest/functions/note_and_hold"
    holder = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    held = json.dumps({"notes": str(notes), "release": str(release)})
    body: Json = {"input": held, "queue_timeout_seconds": 1}
    alone = (await project.http.post(f"{functions}/invocations", json=body)).json()
    assert alone["queue_timeout_seconds"] == 1
    batch = (
        await project.http.post(f"{functions}/batches", json={"inputs": [held] * 3, "queue_timeout_seconds": 1})
    ).json()
    waited = await project.ended("note_and_hold", alone["invocation_id"])
    assert (waited["outcome"], waited["executions"]) == ("TIMED_OUT", [])
    assert waited["error_message"].startswith("timed out after 1")
    assert waited["error_message"].endswith("of it in the queue: max_concurrency 1")
    with pytest.raises(WorkflowFailureError) as failed:
        await temporal.get_workflow_handle(alone["invocation_id"]).result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert (failed.value.cause.type, failed.value.cause.message) == ("TIMED_OUT", waited["error_message"])
    while (counts := (await project.http.get(f"{functions}/batches/{batch['batch_id']}")).json()["counts"])["queued"]:
        await asyncio.sleep(0.05)
    assert counts["TIMED_OUT"] == 3
    release_file(str(release))
    assert (await project.ended("note_and_hold", holder))["outcome"] == "SUCCEEDED"
