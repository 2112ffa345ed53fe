"""What a process that died left undone is done by the reconciliation, here run at once instead of within a minute."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from control_plane_server.catalog.database import Database
from tests.e2e.ages import grow_old, insert_old_invocation
from tests.e2e.platforms import Platform
from tests.e2e.project import Project, lines_of
from tests.e2e.repairs import repairs
from workflows.naming import RECONCILIATION_SCHEDULE_ID


async def reconcile(temporal: Client) -> None:
    await temporal.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).trigger()


async def delete_workflow(temporal: Client, invocation_id: str) -> None:
    """As `temporal workflow delete` does; a running one is terminated by that."""
    await temporal.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=temporal.namespace, workflow_execution=WorkflowExecution(workflow_id=invocation_id)
        )
    )
    while True:
        try:
            await temporal.get_workflow_handle(invocation_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return
            raise
        await asyncio.sleep(0.05)


async def test_a_terminated_workflow_leaves_no_container_and_no_slot(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold", max_concurrency=1, max_retries=3)
    notes, release = tmp_path / "notes", tmp_path / "release"
    terminated = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    next_one = await project.invoke("note_and_hold", notes=str(tmp_path / "next"), release=str(release))
    await temporal.get_workflow_handle(terminated).terminate("an operator's hand")
    await grow_old(catalog, terminated)
    while (await project.get("note_and_hold", terminated))["invocation_status"] == "RUNNING":
        await reconcile(temporal)
        await asyncio.sleep(0.5)  # visibility, where closed workflows are found, follows a moment later
    (execution,) = (await project.get("note_and_hold", terminated))["executions"]
    assert (execution["worker_status"], execution["outcome"]) == ("TERMINATED", "ABORTED")
    release.touch()
    assert (await project.ended("note_and_hold", next_one))["executions"][0]["outcome"] == "SUCCEEDED"


@pytest.mark.platforms("process")
async def test_an_invocation_whose_workflow_was_never_started_is_started(
    project: Project, temporal: Client, catalog: Database
) -> None:
    version = await project.deploy("double")
    invocation_id = await insert_old_invocation(catalog, version["version_id"], number=21)
    await reconcile(temporal)
    assert (await project.ended("double", invocation_id))["executions"][0]["output"] == "42"


async def test_a_cancellation_that_was_never_delivered_is_delivered(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold")
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    async with catalog.statement() as connection:
        await connection.execute(
            text(
                "UPDATE invocations SET cancellation_request_time = clock_timestamp() - interval '1 minute' "
                "WHERE invocation_id = :invocation_id"
            ),
            {"invocation_id": invocation_id},
        )
    await reconcile(temporal)
    (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
    assert execution["outcome"] == "ABORTED"


async def test_what_has_lost_its_workflow_goes_on_whether_it_ran_or_waited(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    """That Temporal does not know a workflow proves nothing: it has one again, which finds its container."""
    await project.deploy("note_and_hold", max_concurrency=1, max_retries=3)
    notes, release = tmp_path / "notes", tmp_path / "release"
    ran = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    waited, next_one = [
        await project.invoke("note_and_hold", notes=str(tmp_path / "next"), release=str(release)) for _ in range(2)
    ]
    while len(await waiting(catalog, ran, waited, next_one)) < 2:
        await asyncio.sleep(0.02)
    for lost in (ran, waited):
        await delete_workflow(temporal, lost)
    assert await repairs(temporal) == {}  # they are too young
    await grow_old(catalog, ran, waited, next_one)
    repaired = 0
    while repaired < 2:
        repaired += (await repairs(temporal)).get("orphaned invocations repaired", 0)
        await asyncio.sleep(0.2)  # lists of workflows lag behind
    for lost in (ran, waited):
        assert (await temporal.get_workflow_handle(lost).describe()).status is WorkflowExecutionStatus.RUNNING
    release.touch()
    for invocation_id in (ran, waited, next_one):
        (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
        assert (execution["worker_status"], execution["outcome"]) == ("TERMINATED", "SUCCEEDED")
        assert execution["launches"] == 1
    assert len(await lines_of(notes)) == 1


@pytest.mark.platforms("process")  # whose containers can be looked at
async def test_a_container_without_a_live_execution_is_stopped_and_no_other(
    project: Project, temporal: Client, catalog: Database, platform: Platform, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold", max_concurrency=2)
    release = tmp_path / "release"
    forgotten, healthy = [
        await project.invoke("note_and_hold", notes=str(tmp_path / name), release=str(release)) for name in "ab"
    ]
    await lines_of(tmp_path / "a")
    await lines_of(tmp_path / "b")
    containers = {name: await project.container("note_and_hold", name) for name in (forgotten, healthy)}
    await end_in_the_catalog(catalog, forgotten, age=timedelta())
    await grow_old(catalog, healthy)
    assert await repairs(temporal) == {}  # its container may just be going
    await end_in_the_catalog(catalog, forgotten, age=timedelta(minutes=2))
    await asyncio.gather(repairs(temporal), repairs(temporal))
    while not await platform.is_gone(containers[forgotten]):
        await asyncio.sleep(0.02)
    assert not await platform.is_gone(containers[healthy])
    assert await repairs(temporal) == {}
    release.touch()
    (execution,) = (await project.ended("note_and_hold", healthy))["executions"]
    assert (execution["outcome"], execution["launches"]) == ("SUCCEEDED", 1)


@pytest.mark.platforms("process")
async def test_a_preparation_that_somebody_terminated_begins_again(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    version = await project.deploy("double")
    preparation = temporal.get_workflow_handle(f"prepare-{version['version_id']}")
    await preparation.result()
    await temporal.start_workflow("FunctionPreparationWorkflow", id=preparation.id, task_queue="nobody-works-here")
    await preparation.terminate("an operator's hand")
    async with catalog.statement() as connection:
        for statement in (
            "UPDATE functions SET status = 'PENDING', prepared_type = NULL WHERE version_id = :version_id",
            "UPDATE versions SET creation_time = creation_time - interval '1 minute' WHERE version_id = :version_id",
        ):
            await connection.execute(text(statement), {"version_id": version["version_id"]})
    invocation_id = await project.invoke("double", number=21)
    await repairs(temporal)
    assert (await project.ended("double", invocation_id))["executions"][0]["output"] == "42"


@pytest.mark.platforms("process")
async def test_a_slot_that_nobody_gave_away_is_given_to_the_oldest_that_waits(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold", max_concurrency=1)
    notes, release = tmp_path / "notes", tmp_path / "release"
    holder = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    waits = await project.invoke("note_and_hold", notes=str(tmp_path / "next"), release=str(release))
    while not await waiting(catalog, waits):
        await asyncio.sleep(0.02)
    await end_in_the_catalog(catalog, holder, age=timedelta())
    await repairs(temporal)
    await lines_of(tmp_path / "next")
    release.touch()
    assert (await project.ended("note_and_hold", waits))["executions"][0]["outcome"] == "SUCCEEDED"


async def waiting(catalog: Database, *invocation_ids: str) -> list[str]:
    async with catalog.statement() as connection:
        found = await connection.scalars(
            text("SELECT invocation_id FROM waiting_executions WHERE invocation_id = ANY(:ids)"),
            {"ids": list(invocation_ids)},
        )
        return list(found)


async def end_in_the_catalog(catalog: Database, invocation_id: str, *, age: timedelta) -> None:
    """As nothing of ours does while a container runs."""
    async with catalog.statement() as connection:
        await connection.execute(
            text(
                "WITH ended AS (UPDATE invocations SET status = 'TERMINATED', attempts = 1"
                " WHERE invocation_id = :invocation_id)"
                " UPDATE executions SET worker_status = 'TERMINATED',"
                " last_update_time = clock_timestamp() - CAST(:age AS interval) WHERE invocation_id = :invocation_id"
            ),
            {"invocation_id": invocation_id, "age": age},
        )
