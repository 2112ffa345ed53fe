"""How tasks end on ECS, who pays for it, and what is said of it."""

import asyncio
import json
from pathlib import Path

from tests.aws.control import Control
from tests.aws.wire import HOLD_IMAGE, Fault
from tests.e2e.project import Json, Project, lines_of
from tests.ecs.conftest import NewProject


async def outcomes_while(project: Project, invocation_id: str, ended: asyncio.Event) -> set[str | None]:
    """Every outcome that is ever seen."""
    seen = set()
    while not ended.is_set():
        for execution in (await project.get("note_and_hold", invocation_id))["executions"]:
            seen.add(execution["outcome"])
        await asyncio.sleep(0.02)
    return seen


async def test_spot_takes_a_task_back_and_the_function_runs_again(
    project: Project, aws: Control, tmp_path: Path
) -> None:
    """Without a retry. The interrupted function reports that it was aborted, which nobody ever gets to see."""
    await project.deploy("note_and_hold", max_retries=0)
    notes, release = tmp_path / "notes", tmp_path / "release"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    ended = asyncio.Event()
    watching = asyncio.create_task(outcomes_while(project, invocation_id, ended))
    first = await project.container("note_and_hold", invocation_id)
    await aws.interrupt_spot(first)
    await lines_of(notes, at_least=2)
    assert (await aws.task(first)).description["stopCode"] == "SpotInterruption"
    release.touch()
    (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
    ended.set()
    assert (execution["outcome"], execution["output"], execution["launches"]) == ("SUCCEEDED", "2", 2)
    assert execution["error_message"] is None
    assert await watching <= {None, "SUCCEEDED"}


async def test_what_spot_has_taken_back_twice_goes_on_demand(new_project: NewProject, aws: Control) -> None:
    project = new_project(HOLD_IMAGE)
    await project.deploy("held", platform={"capacity": "spot_with_fallback"})
    invocation_id = await project.invoke("held")
    seen, task = [], None
    for _ in range(3):
        task = await project.container("held", invocation_id, other_than=task)
        seen.append((await aws.wait_for(task, "RUNNING")).description["capacityProviderName"])
        if len(seen) < 3:
            await aws.interrupt_spot(task)
    assert seen == ["FARGATE_SPOT", "FARGATE_SPOT", "FARGATE"]
    await project.cancel("held", invocation_id)


async def test_what_the_account_lacks_is_told_when_a_version_is_deployed(new_project: NewProject) -> None:
    project = new_project(HOLD_IMAGE)
    version = await project.declare("held", platform={"gpus": 1})
    while (function := version["functions"][0])["preparation_error"] is None:
        await asyncio.sleep(0.05)
        version = await project.version(version["version_id"])
    assert function["preparation_error"].startswith("The function asks for gpus 1: Fargate has none")
    assert function["platform"]["gpus"] == 1


async def test_a_job_that_spot_interrupts_twice_goes_on_each_time_where_it_was(
    project: Project, aws: Control, tmp_path: Path
) -> None:
    await project.deploy("work_in_steps", max_retries=0)
    notes, holds = tmp_path / "notes", tmp_path / "holds"
    invocation_id = await project.invoke("work_in_steps", notes=str(notes), holds=str(holds))
    container = None
    for interruption in (1, 2):
        await lines_of(holds, at_least=interruption)
        container = await project.container("work_in_steps", invocation_id, other_than=container)
        await aws.interrupt_spot(container)
    invocation = await project.ended("work_in_steps", invocation_id)
    (execution,) = invocation["executions"]
    assert (execution["outcome"], execution["launches"]) == ("SUCCEEDED", 3)
    assert json.loads(execution["output"]) == {"step": 6, "stops": 2}
    assert notes.read_text().split() == ["1", "2", "3", "4", "5", "6"], "each step was done once"
    assert invocation["checkpoint"]["attempt"] == 1


async def test_a_host_is_lost(project: Project, aws: Control, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", max_retries=0)
    notes, release = tmp_path / "notes", tmp_path / "release"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    await aws.lose_host(await project.container("note_and_hold", invocation_id))
    await lines_of(notes, at_least=2)
    release.touch()
    (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
    assert (execution["outcome"], execution["launches"]) == ("SUCCEEDED", 2)


async def test_what_has_reported_holds_no_slot_while_its_task_is_cleared_up(project: Project, aws: Control) -> None:
    await project.deploy("double", max_concurrency=1)
    await aws.set(deprovisioning_seconds=600.0)
    for number in (1, 2):
        invocation_id = await project.invoke("double", number=number)
        async with asyncio.timeout(60):
            (execution,) = (await project.ended("double", invocation_id))["executions"]
        assert execution["outcome"] == "SUCCEEDED"
        task = await aws.task(await project.container("double", invocation_id))
        assert task.status in ("DEACTIVATING", "STOPPING", "DEPROVISIONING")


async def test_a_network_interface_never_comes_up(project: Project, aws: Control) -> None:
    await project.deploy("double", max_retries=0)
    await aws.fail_to_start("Timeout waiting for network interface provisioning to complete.", tasks=2)
    (execution,) = (await project.ended("double", await project.invoke("double", number=1)))["executions"]
    assert (execution["outcome"], execution["launches"]) == ("SUCCEEDED", 3)


async def test_a_network_that_is_set_up_wrongly_costs_five_tasks_and_says_so(project: Project, aws: Control) -> None:
    await project.deploy("double", max_retries=3)
    text = (
        "ResourceInitializationError: unable to pull secrets or registry auth: There is a connection issue between the "
        "task and Amazon ECR. Check your task network configuration. dial tcp 203.0.113.7:443: i/o timeout"
    )
    await aws.fail_to_start(text, tasks=6)
    (execution,) = (await project.ended("double", await project.invoke("double", number=1)))["executions"]
    assert (execution["outcome"], execution["launches"]) == (None, 5)
    assert execution["error_message"].startswith("5 containers in a row have failed to start. The task failed to start")
    assert text in execution["error_message"]


async def test_a_container_is_killed_for_its_memory(project: Project, aws: Control) -> None:
    await project.deploy("hoard", max_retries=1)
    first, second = (await project.ended("hoard", await project.invoke("hoard")))["executions"]
    for execution in (first, second):
        assert execution["error_message"] == "killed for using more than its 512 MiB of memory"
        assert (execution["outcome"], execution["launches"]) == (None, 1)


async def test_an_image_that_does_not_exist(new_project: NewProject, aws: Control) -> None:
    project = new_project("registry.example.com/nothing:1")
    await project.deploy("double", max_retries=1)
    executions = (await project.ended("double", await project.invoke("double", number=1)))["executions"]
    assert len(executions) == 2, "the user's budget"
    for execution in executions:
        assert "CannotPullContainerError" in execution["error_message"]
        assert "registry.example.com/nothing:1" in execution["error_message"]


async def test_what_only_an_operator_can_repair_ends_the_invocation(project: Project, aws: Control) -> None:
    """A permission that is missing is one of these after a minute: tests/unit/provisioners/ecs/test_refusals.py."""
    await project.deploy("double", max_retries=3)
    await aws.order(
        Fault(action="RunTask", kind="error", code="ClusterNotFoundException", message="Cluster not found.")
    )
    (execution,) = (await project.ended("double", await project.invoke("double", number=1)))["executions"]
    assert execution["error_message"] == "AWS refuses: ecs:RunTask: ClusterNotFoundException: Cluster not found."
    assert execution["outcome"] is None


async def test_a_permission_that_has_not_spread_yet_costs_nothing(project: Project, aws: Control) -> None:
    await project.deploy("double", max_retries=0)
    await aws.deny("RunTask", calls=2)
    (execution,) = (await project.ended("double", await project.invoke("double", number=1)))["executions"]
    assert (execution["outcome"], execution["launches"]) == ("SUCCEEDED", 1)


async def test_a_task_may_not_start(project: Project, aws: Control) -> None:
    await project.deploy("double", max_retries=3)
    reason = (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        "unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException"
    )
    await aws.fail_to_start(reason)
    (execution,) = (await project.ended("double", await project.invoke("double", number=1)))["executions"]
    assert execution["error_message"] == f"The task failed to start: {reason}"


async def test_a_function_that_may_not_be_registered(new_project: NewProject, aws: Control) -> None:
    project = new_project()
    await aws.order(
        Fault(action="RegisterTaskDefinition", kind="error", code="BlockedException", message="The account is blocked.")
    )
    await project.http.put(f"/projects/{project.name}")
    body = {
        "default_docker_image": "image:1",
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
    assert "ecs:RegisterTaskDefinition" in invocation["preparation_error"]
    assert execution["error_message"] == invocation["preparation_error"]


async def test_somebody_else_stops_a_task(project: Project, aws: Control, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", max_retries=0)
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    await aws.stop_by_somebody(await project.container("note_and_hold", invocation_id), reason="cleaning up")
    (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
    assert execution["outcome"] == "ABORTED", "so the container said, and nobody took it away"
    assert execution["launches"] == 1


async def test_the_last_lines_of_a_log_come_after_the_end(project: Project, aws: Control) -> None:
    await aws.set(log_tail_delay_seconds=1.5)
    await project.deploy("double")
    invocation = await project.ended("double", await project.invoke("double", number=21))
    async with asyncio.timeout(5):  # as long as whoever follows a log waits for more
        while await project.logs("double", invocation) != ["doubling 21"]:
            await asyncio.sleep(0.1)


async def test_a_deleted_project_leaves_no_active_task_definition(project: Project, aws: Control) -> None:
    version = await project.deploy("double", "hoard")
    arns = {function["prepared_function_details"]["identifier"] for function in version["functions"]}
    assert len(arns) == 2
    await project.http.delete(f"/projects/{project.name}")
    while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
        await asyncio.sleep(0.05)
    retired = {str(call.parameters["taskDefinition"]) for call in await aws.calls("DeregisterTaskDefinition")}
    assert retired == arns


async def test_credentials_for_pushing_images(project: Project, aws: Control) -> None:
    answer: Json = (await project.http.get("/container_repository_credentials")).json()
    assert (answer["repository_name"], answer["username"]) == ("control-plane-functions", "AWS")
    assert answer["endpoint_url"].startswith("https://")
    assert answer["password"]
    assert answer["platform"] == "linux/amd64"
