"""AWS in trouble for some time: every invocation succeeds, no attempt is consumed, no task is doubled."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.aws.control import CAPACITY_IS_UNAVAILABLE, Control
from tests.aws.wire import Fault
from tests.e2e.project import Json, Project, lines_of
from tests.figures import Show
from workflows.invocation import InvocationWorkflow

SECONDS = 8.0
LONG_SECONDS = 22.0  # longer than a heartbeat timeout


async def one_task_each(aws: Control, *invocations: Json) -> None:
    """Every invocation succeeded at its first attempt with one container, of which AWS knows exactly one task."""
    started = Counter(task.description["startedBy"] for task in await aws.tasks())
    for invocation in invocations:
        (execution,) = invocation["executions"]
        assert (execution["outcome"], execution["launches"], execution["error_message"]) == ("SUCCEEDED", 1, None)
        of_execution = {name: count for name, count in started.items() if name.startswith(execution["execution_id"])}
        assert list(of_execution.values()) == [1]


async def results(aws: Control, action: str) -> Counter[str]:
    return Counter(call.result for call in await aws.calls(action))


@pytest.mark.parametrize(("is_hidden", "seconds"), [(False, LONG_SECONDS), (True, SECONDS)])
async def test_run_task_is_throttled(
    project: Project, aws: Control, show: Show, is_hidden: bool, seconds: float
) -> None:
    await project.deploy("double")
    await aws.throttle("RunTask", seconds=seconds, is_hidden=is_hidden)
    ids = [await project.invoke("double", number=number) for number in range(5)]
    await one_task_each(aws, *[await project.ended("double", invocation_id) for invocation_id in ids])
    answers = await results(aws, "RunTask")
    assert answers["ok"] == 5
    assert sum(answers.values()) > 5
    show(f"ECS: RunTask throttled for {seconds:.0f} s, 5 invocations: {dict(answers)}")


async def test_there_is_no_capacity(project: Project, aws: Control, temporal: Client, show: Show) -> None:
    """What is waited for is shown to whoever asks for the invocation, and to whoever looks at its workflow."""
    await project.deploy("double")
    await aws.lack_capacity(seconds=LONG_SECONDS)
    ids = [await project.invoke("double", number=number) for number in range(5)]
    for invocation_id in ids:
        handle = temporal.get_workflow_handle(invocation_id)
        while (await handle.query(InvocationWorkflow.status)).state != "waiting for a container":
            await asyncio.sleep(0.05)
        (execution,) = (await project.get("double", invocation_id))["executions"]
        assert execution["error_message"] == f"Waiting for capacity: {CAPACITY_IS_UNAVAILABLE}"
        assert (execution["worker_status"], execution["launches"]) == ("PROVISIONING", 0)
    ended = [await project.ended("double", invocation_id) for invocation_id in ids]
    await one_task_each(aws, *ended)
    answers = Counter("a task" if call.task_arns else "no capacity" for call in await aws.calls("RunTask"))
    show(f"ECS: no capacity for {LONG_SECONDS:.0f} s, 5 invocations: RunTask {dict(answers)}")


async def test_tasks_cannot_be_described(project: Project, aws: Control, tmp_path: Path, show: Show) -> None:
    await project.deploy("note_and_hold")
    notes, release = tmp_path / "notes", tmp_path / "release"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    await aws.order(
        Fault(action="DescribeTasks", kind="error", code="ServerException", status=500, duration_seconds=SECONDS)
    )
    release.touch()
    invocation = await project.ended("note_and_hold", invocation_id)
    await one_task_each(aws, invocation)
    show(f"ECS: DescribeTasks fails for {SECONDS:.0f} s: {dict(await results(aws, 'DescribeTasks'))}")


async def test_answers_of_run_task_are_lost(project: Project, aws: Control, show: Show) -> None:
    """More in a row than are tried within one call: the next try of the activity goes on."""
    await project.deploy("double")
    await aws.order(Fault(action="RunTask", kind="lose_response", calls=5))
    invocation = await project.ended("double", await project.invoke("double", number=1))
    await one_task_each(aws, invocation)
    calls = await aws.calls("RunTask")
    assert len({call.parameters["clientToken"] for call in calls}) == 1
    assert len({arn for call in calls for arn in call.task_arns}) == 1
    show(f"ECS: five answers of RunTask lost: {dict(await results(aws, 'RunTask'))}, one token, one task")


async def test_a_new_task_is_not_visible_yet(project: Project, aws: Control) -> None:
    await project.deploy("double")
    await aws.set(visibility_delay_seconds=2.0)
    await one_task_each(aws, await project.ended("double", await project.invoke("double", number=1)))


async def test_stopping_is_throttled(project: Project, aws: Control, tmp_path: Path) -> None:
    await project.deploy("note_and_hold")
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    await aws.throttle("StopTask", seconds=3)
    await project.cancel("note_and_hold", invocation_id)
    (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
    assert (execution["outcome"], execution["error_message"]) == ("ABORTED", None)


@pytest.mark.parametrize("stop", ["cancellation", "timeout"])
async def test_waiting_for_capacity_ends_with_a_stop(project: Project, aws: Control, stop: str) -> None:
    await project.deploy("double", timeout_seconds=300 if stop == "cancellation" else 3, max_retries=3)
    await aws.lack_capacity()
    invocation_id = await project.invoke("double", number=1)
    while not await _waits(project, invocation_id):
        await asyncio.sleep(0.05)
    if stop == "cancellation":
        await project.cancel("double", invocation_id)
    async with asyncio.timeout(10):  # whatever is left of a pause between two tries is not waited for
        (execution,) = (await project.ended("double", invocation_id))["executions"]
    assert (execution["outcome"], execution["worker_details"]) == (None, None)
    assert execution["error_message"].startswith("Waiting for capacity: ")
    assert not any(call.task_arns for call in await aws.calls("RunTask"))


async def _waits(project: Project, invocation_id: str) -> bool:
    executions = (await project.get("double", invocation_id))["executions"]
    return bool(executions) and executions[0]["error_message"] is not None
