"""An invocation's ways through the whole stack: real processes as containers, asked over HTTP."""

import asyncio
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from tests.e2e.project import Project, lines_of, release_file


async def test_a_function_runs_and_its_result_and_log_are_there(project: Project) -> None:
    await project.deploy("double")
    invocation = await project.ended("double", await project.invoke("double", number=21))
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["output"]) == ("SUCCEEDED", "42")
    assert (execution["worker_status"], execution["launches"]) == ("TERMINATED", 1)
    assert await project.logs("double", invocation) == ["doubling 21"]


async def test_one_activity_per_execution_with_the_executions_id(project: Project, temporal: Client) -> None:
    await project.deploy("double")
    invocation = await project.ended("double", await project.invoke("double", number=1))
    handle = temporal.get_workflow_handle(invocation["invocation_id"])
    await handle.result()
    events = (await handle.fetch_history()).events
    scheduled = [event for event in events if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED]
    ids = [event.activity_task_scheduled_event_attributes.activity_id for event in scheduled]
    assert ids == [execution["execution_id"] for execution in invocation["executions"]]


async def test_operators_find_it_by_what_it_is(project: Project, temporal: Client) -> None:
    version = await project.deploy("double")
    invocation_id = await project.invoke("double", number=1)
    await temporal.get_workflow_handle(invocation_id).result()
    query = (
        f'ControlPlaneProject="{project.name}" AND ControlPlaneVersion="{version["version_id"]}" '
        'AND ControlPlaneFunction="double" AND ControlPlaneStatus="SUCCEEDED"'
    )
    while [found.id async for found in temporal.list_workflows(query)] != [invocation_id]:
        await asyncio.sleep(0.05)  # visibility follows a moment later


async def test_a_failing_function_is_tried_again(project: Project, temporal: Client, tmp_path: Path) -> None:
    await project.deploy("fail_at_first", max_retries=2)
    invocation_id = await project.invoke("fail_at_first", notes=str(tmp_path / "notes"), failures=1)
    invocation = await project.ended("fail_at_first", invocation_id)
    first, second = invocation["executions"]
    assert (first["outcome"], first["error_message"]) == ("FAILED", "ValueError: run 1")
    assert (second["outcome"], second["output"]) == ("SUCCEEDED", "2")
    assert second["creation_time"] > first["creation_time"]
    handle = temporal.get_workflow_handle(invocation_id)
    await handle.result()
    failed = [
        event.activity_task_failed_event_attributes.failure
        for event in (await handle.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED
    ]
    assert [(failure.message, failure.application_failure_info.type) for failure in failed] == [
        ("ValueError: run 1", "FAILED")
    ]


async def test_a_death_without_a_word_is_a_failed_attempt_that_says_why(project: Project, temporal: Client) -> None:
    await project.deploy("die")
    invocation = await project.ended("die", await project.invoke("die", code=3))
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["error_message"]) == (None, "exit code 3")
    assert execution["execution_finish_time"] is None
    with pytest.raises(WorkflowFailureError) as failed:
        await temporal.get_workflow_handle(invocation["invocation_id"]).result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert (failed.value.cause.message, failed.value.cause.type) == ("exit code 3", "FAILED")
    query = f'ControlPlaneProject="{project.name}" AND ExecutionStatus="Failed" AND ControlPlaneAttempts=1'
    while [found.id async for found in temporal.list_workflows(query)] != [invocation["invocation_id"]]:
        await asyncio.sleep(0.05)  # visibility follows a moment later


async def test_progress_is_seen_while_the_function_runs(project: Project, tmp_path: Path) -> None:
    await project.deploy("report_progress")
    notes, release = tmp_path / "notes", tmp_path / "release"
    invocation_id = await project.invoke("report_progress", steps=2, notes=str(notes), release=str(release))
    for step in (1, 2):
        await lines_of(notes, at_least=step)
        await _output(project, "report_progress", invocation_id, f'{{"step": {step}}}')
        release_file(f"{release}-{step}")
    invocation = await project.ended("report_progress", invocation_id)
    assert invocation["executions"][0]["outcome"] == "SUCCEEDED"


async def test_the_limit_holds_and_the_oldest_goes_first(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", max_concurrency=1)
    notes = [tmp_path / f"notes-{number}" for number in range(3)]
    release = tmp_path / "release"
    ids = [
        await project.invoke("note_and_hold", notes=str(file), release=f"{release}-{number}")
        for number, file in enumerate(notes)
    ]
    for number, file in enumerate(notes):
        await lines_of(file)
        assert not any(later.exists() for later in notes[number + 1 :])
        release_file(f"{release}-{number}")
    for invocation_id in ids:
        assert (await project.ended("note_and_hold", invocation_id))["executions"][0]["outcome"] == "SUCCEEDED"


@pytest.mark.platforms("process")  # the only one that looks into an image beforehand
async def test_what_cannot_be_prepared_ends_its_invocations_with_the_reason(project: Project, tmp_path: Path) -> None:
    await project.http.put(f"/projects/{project.name}")
    body = {
        "default_docker_image": (tmp_path / "nowhere").as_uri(),
        "functions": [
            {
                "function_name": "double",
                "resource_spec": {"virtual_cpus": 1, "memory_gbs": 1, "max_concurrency": 1},
                "execution_spec": {"max_retries": 3, "timeout_seconds": 60},
            }
        ],
    }
    await project.http.post(f"/projects/{project.name}/versions", json=body)
    invocation = await project.ended("double", await project.invoke("double", number=1))
    (execution,) = invocation["executions"]
    assert invocation["function_status"] == "PENDING"
    assert "nowhere" in invocation["preparation_error"]
    assert execution["error_message"] == invocation["preparation_error"]
    assert (execution["worker_details"], execution["outcome"], execution["launches"]) == (None, None, 0)


async def test_cancelling_reaches_the_running_function(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", max_retries=3)
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    assert (await project.cancel("note_and_hold", invocation_id))["cancellation_request_time"] is not None
    invocation = await project.ended("note_and_hold", invocation_id)
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["error_message"]) == ("ABORTED", None)
    assert execution["termination_signal_time"] is not None


async def _output(project: Project, function: str, invocation_id: str, expected: str) -> None:
    while True:
        executions = (await project.get(function, invocation_id))["executions"]
        if executions and executions[0]["output"] == expected:
            return
        await asyncio.sleep(0.02)
