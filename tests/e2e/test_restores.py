"""A catalog that was restored from a backup, older than Temporal: the two converge, and no work is cancelled by it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities.reconciliation.termination_guard import USUAL_TERMINATIONS
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.installation import InstallationRepository
from control_plane_server.domain.identifiers import new_invocation_id
from tests.e2e.ages import grow_old, insert_old_invocation
from tests.e2e.project import Project
from tests.e2e.repairs import repairs

pytestmark = pytest.mark.platforms("process")  # it is about the catalog and Temporal alone

POISON = "inv-" + "f" * 1_000  # a workflow's id may have 1,000 characters
CLOSED = USUAL_TERMINATIONS + 1


async def run(catalog: Database, *statements: str, **parameters: object) -> None:
    async with catalog.statement() as connection:
        for statement in statements:
            await connection.execute(text(statement), parameters)


async def test_a_job_that_succeeded_meanwhile_has_succeeded(
    project: Project, temporal: Client, catalog: Database
) -> None:
    """And not once more: its output alone is lost, unless it is in the backup."""
    await project.deploy("double")
    invocation_id = await project.invoke("double", number=21)
    await project.ended("double", invocation_id)
    await run(
        catalog,
        "UPDATE invocations SET status = 'RUNNING' WHERE invocation_id = :id",
        "UPDATE executions SET worker_status = 'RUNNING', outcome = NULL, output = NULL, execution_finish_time = NULL"
        " WHERE invocation_id = :id",
        id=invocation_id,
    )
    await grow_old(catalog, invocation_id)
    while (await project.get("double", invocation_id))["invocation_status"] == "RUNNING":
        await repairs(temporal)
    (execution,) = (await project.get("double", invocation_id))["executions"]
    assert (execution["worker_status"], execution["outcome"], execution["output"]) == ("TERMINATED", "SUCCEEDED", None)
    assert "its output is not known" in execution["error_message"]
    assert execution["termination_signal_time"] is None
    assert execution["launches"] == 1


async def test_an_attempt_that_the_backup_does_not_know_is_recorded(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    await project.deploy("fail_at_first", max_retries=1)
    invocation_id = await project.invoke("fail_at_first", notes=str(tmp_path / "notes"), failures=9)
    await project.ended("fail_at_first", invocation_id)
    await run(
        catalog,
        "UPDATE invocations SET status = 'RUNNING' WHERE invocation_id = :id",
        "DELETE FROM executions WHERE invocation_id = :id AND attempt = 2",
        id=invocation_id,
    )
    await grow_old(catalog, invocation_id)
    while (await project.get("fail_at_first", invocation_id))["invocation_status"] == "RUNNING":
        await repairs(temporal)
    first, second = (await project.get("fail_at_first", invocation_id))["executions"]
    assert (first["outcome"], second["outcome"]) == ("FAILED", "FAILED")
    assert second["error_message"].startswith("ValueError: run 2 (it ended after the backup")


async def test_a_version_that_was_prepared_meanwhile_is_prepared_again(
    project: Project, temporal: Client, catalog: Database
) -> None:
    version_id = (await project.deploy("double"))["version_id"]
    await temporal.get_workflow_handle(f"prepare-{version_id}").result()
    await run(
        catalog,
        "UPDATE functions SET status = 'PENDING', prepared_type = NULL, prepared_identifier = NULL"
        " WHERE version_id = :id",
        "UPDATE versions SET creation_time = creation_time - interval '1 minute' WHERE version_id = :id",
        id=version_id,
    )
    invocation_id = await project.invoke("double", number=21)
    assert (await repairs(temporal))["versions prepared"] == 1
    assert (await project.ended("double", invocation_id))["executions"][0]["output"] == "42"


async def test_a_project_that_was_deleted_meanwhile_is_deleted_again(
    project: Project, temporal: Client, catalog: Database
) -> None:
    await project.deploy("double")
    async with catalog.statement() as connection:
        creation_time = await connection.scalar(
            text("SELECT creation_time FROM projects WHERE project_name = :name"), {"name": project.name}
        )
    await project.http.delete(f"/projects/{project.name}")
    while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
        await asyncio.sleep(0.05)
    await run(
        catalog,
        "INSERT INTO projects (project_name, creation_time, deletion_request_time)"
        " VALUES (:name, :creation_time, clock_timestamp() - interval '1 minute')",
        name=project.name,
        creation_time=creation_time,
    )
    assert (await repairs(temporal))["projects deleted"] == 1
    while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
        await asyncio.sleep(0.05)


async def test_what_never_can_be_started_ends_with_its_reason_and_spoils_nobody_else(
    project: Project, temporal: Client, catalog: Database
) -> None:
    version_id = (await project.deploy("double"))["version_id"]
    first = await insert_old_invocation(catalog, version_id, number=1)
    await run(
        catalog,
        "UPDATE invocations SET invocation_id = :poison, creation_time = creation_time - interval '1 hour',"
        " cancellation_request_time = creation_time WHERE invocation_id = :id",
        poison=POISON,
        id=first,
    )
    newer = await insert_old_invocation(catalog, version_id, number=21)
    assert (await repairs(temporal))["invocations started"] == 2
    assert (await project.ended("double", newer))["executions"][0]["output"] == "42"
    (execution,) = (await project.get("double", POISON))["executions"]
    assert (execution["worker_status"], execution["outcome"], execution["launches"]) == ("TERMINATED", None, 0)
    assert execution["error_message"].startswith("The invocation cannot be started: ")


async def test_a_long_name_in_any_script_is_no_poison(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    """Its search attribute would be over Temporal's 2 KB."""
    name = "国" * 400
    (tmp_path / "main.py").write_text(f"def {name}(number):\n    return 2 * number\n")
    await project.deploy(name, folder=tmp_path)
    invocation_id = await project.invoke(name, number=21)
    assert (await project.ended(name, invocation_id))["executions"][0]["output"] == "42"
    found = await temporal.get_workflow_handle(invocation_id).describe()
    assert str(found.typed_search_attributes).count("国") < 256


async def test_more_closed_workflows_than_usual_wait_for_somebodys_word(
    project: Project, temporal: Client, catalog: Database
) -> None:
    version_id = (await project.deploy("double"))["version_id"]
    closed = [new_invocation_id() for _ in range(CLOSED)]
    for invocation_id in closed:
        await temporal.start_workflow("InvocationWorkflow", id=invocation_id, task_queue="nobody-works-here")
        await temporal.get_workflow_handle(invocation_id).terminate("a slip of an operator's hand")
    while not await _are_listed_as_closed(temporal, closed):
        await asyncio.sleep(0.1)
    # Only now, as a reconciliation may come at any time and start what has no workflow.
    for number, invocation_id in enumerate(closed):
        await insert_old_invocation(catalog, version_id, invocation_id=invocation_id, number=number)
    assert "orphaned invocations repaired" not in await repairs(temporal)
    assert await _running(catalog, closed) == CLOSED
    async with catalog.statement() as connection:
        await InstallationRepository(connection).allow_mass_terminations(timedelta(minutes=1))
    while await _running(catalog, closed):
        await repairs(temporal)


async def _are_listed_as_closed(temporal: Client, invocation_ids: Sequence[str]) -> bool:
    is_open = {workflow.id async for workflow in temporal.list_workflows('ExecutionStatus = "Running"')}
    return is_open.isdisjoint(invocation_ids)


async def _running(catalog: Database, invocation_ids: Sequence[str]) -> int:
    async with catalog.statement() as connection:
        count: int = await connection.scalar(
            text("SELECT count(*) FROM invocations WHERE status = 'RUNNING' AND invocation_id = ANY(:ids)"),
            {"ids": list(invocation_ids)},
        )
    return count
