"""What a process that died left undone is done by the reconciliation, here run at once instead of within a minute."""

import asyncio
import json
from pathlib import Path

from sqlalchemy import text
from temporalio.client import Client

from catalog.database import Database
from domain.identifiers import InvocationId, new_invocation_id
from tests.e2e.project import Project, lines_of
from workflows.naming import RECONCILIATION_SCHEDULE_ID


async def reconcile(temporal: Client) -> None:
    await temporal.get_schedule_handle(RECONCILIATION_SCHEDULE_ID).trigger()


async def test_a_terminated_workflow_leaves_no_container_and_no_slot(
    project: Project, temporal: Client, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold", max_concurrency=1, max_retries=3)
    notes, release = tmp_path / "notes", tmp_path / "release"
    terminated = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    next_one = await project.invoke("note_and_hold", notes=str(tmp_path / "next"), release=str(release))
    await temporal.get_workflow_handle(terminated).terminate("an operator's hand")
    while (await project.get("note_and_hold", terminated))["invocation_status"] == "RUNNING":
        await reconcile(temporal)
        await asyncio.sleep(0.5)  # visibility, where closed workflows are found, follows a moment later
    (execution,) = (await project.get("note_and_hold", terminated))["executions"]
    assert (execution["worker_status"], execution["outcome"]) == ("TERMINATED", "ABORTED")
    release.touch()
    assert (await project.ended("note_and_hold", next_one))["executions"][0]["outcome"] == "SUCCEEDED"


async def test_an_invocation_whose_workflow_was_never_started_is_started(
    project: Project, temporal: Client, catalog: Database
) -> None:
    version = await project.deploy("double")
    invocation_id = await _insert_old_invocation(catalog, version["version_id"])
    await reconcile(temporal)
    assert (await project.ended("double", invocation_id))["executions"][0]["output"] == "42"


async def test_a_cancellation_that_was_never_delivered_is_delivered(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold")
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    async with catalog.statement() as session:
        await session.execute(
            text(
                "UPDATE invocations SET cancellation_request_time = clock_timestamp() - interval '1 minute' "
                "WHERE invocation_id = :invocation_id"
            ),
            {"invocation_id": invocation_id},
        )
    await reconcile(temporal)
    (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
    assert execution["outcome"] == "ABORTED"


async def _insert_old_invocation(catalog: Database, version_id: str) -> InvocationId:
    """As the API leaves one if it dies between the row and the workflow."""
    invocation_id = new_invocation_id()
    async with catalog.statement() as session:
        await session.execute(
            text(
                "INSERT INTO invocations (invocation_id, function_id, input, creation_time) "
                "SELECT :invocation_id, function_id, :input, clock_timestamp() - interval '1 minute' "
                "FROM functions WHERE version_id = :version_id"
            ),
            {"invocation_id": invocation_id, "input": json.dumps({"number": 21}), "version_id": version_id},
        )
    return invocation_id
