"""Batches through the whole stack: in their order, stopped in every way, and brought to their end whatever dies."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from control_plane.machine.records import read_record
from temporalio.client import Client, WorkflowExecutionStatus

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.folder import DataFolder
from tests.e2e.ages import grow_old_batch
from tests.e2e.project import Json, Project, lines_of
from tests.e2e.repairs import repairs
from tests.e2e.test_reconciliation import delete_workflow

pytestmark = pytest.mark.platforms("process")  # what a batch adds has nothing to do with the platform


class Batch:
    """One of a project."""

    def __init__(self, project: Project, path: str) -> None:
        self._project = project
        self.path = path
        self.id = path.rsplit("/", 1)[1]

    @classmethod
    async def create(cls, project: Project, function: str, inputs: Sequence[object], **more: object) -> "Batch":
        batches = f"/projects/{project.name}/versions/latest/functions/{function}/batches"
        answer = await project.http.post(batches, json={"inputs": [json.dumps(one) for one in inputs], **more})
        assert answer.status_code == 200, answer.text
        return cls(project, f"{batches}/{answer.json()['batch_id']}")

    async def read(self) -> Json:
        answer = await self._project.http.get(self.path)
        assert answer.status_code == 200, answer.text
        read: Json = answer.json()
        return read

    async def results(self, *, after: int = 0) -> AsyncIterator[Json]:
        async with self._project.http.stream("GET", f"{self.path}/results", params={"after": after}) as answer:
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                if line:
                    yield json.loads(line)

    async def all_results(self) -> list[Json]:
        return [result async for result in self.results()]

    async def until_running(self, count: int) -> None:
        while (await self.read())["counts"]["running"] < count:
            await asyncio.sleep(0.05)


def hold(notes: Path, release: Path) -> Json:
    return {"notes": str(notes), "release": str(release)}


async def closed(temporal: Client, batch: Batch) -> Any:
    """The description of the batch's workflow, once it is closed."""
    handle = temporal.get_workflow_handle(batch.id)
    while (description := await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        await asyncio.sleep(0.05)
    return description


async def test_a_batch_runs_in_its_order_and_costs_what_single_ones_cost(project: Project, temporal: Client) -> None:
    await project.deploy("double", max_concurrency=2)
    batch = await Batch.create(project, "double", [{"number": number} for number in range(8)])
    results = await batch.all_results()
    assert [result["position"] for result in results] == list(range(1, 9))
    assert sorted((result["index"], result["output"]) for result in results) == [
        (number, str(2 * number)) for number in range(8)
    ]
    assert max(abs(result["index"] - result["position"] + 1) for result in results) < 4
    ended = await batch.read()
    assert (ended["status"], ended["counts"]["SUCCEEDED"]) == ("TERMINATED", 8)
    description = await closed(temporal, batch)
    assert description.status is WorkflowExecutionStatus.COMPLETED
    assert description.history_length < 25
    for result in results:  # none of them has waited for a signal
        assert (await temporal.get_workflow_handle(result["invocation_id"]).describe()).history_length == 13


async def test_a_failure_is_retried_and_told_with_its_last_attempt(project: Project, tmp_path: Path) -> None:
    await project.deploy("fail_at_first", max_retries=1)
    inputs = [{"notes": str(tmp_path / str(number)), "failures": number} for number in range(3)]
    results = await (await Batch.create(project, "fail_at_first", inputs)).all_results()
    told = {result["index"]: (result["outcome"], result["attempts"]) for result in results}
    assert told == {0: ("SUCCEEDED", 1), 1: ("SUCCEEDED", 2), 2: ("FAILED", 2)}


@pytest.mark.parametrize("way", ["rest", "temporal", "parent"])
async def test_a_cancelled_batch_ends_whether_it_has_begun_or_not(
    project: Project, temporal: Client, tmp_path: Path, way: str
) -> None:
    await project.deploy("note_and_hold", max_concurrency=3)
    never = tmp_path / "never"
    parent = await project.invoke("note_and_hold", **hold(tmp_path / "parent", never))
    named = {"function_name": "note_and_hold", "invocation_id": parent}
    inputs = [hold(tmp_path / str(number), never) for number in range(50)]
    batch = await Batch.create(project, "note_and_hold", inputs, parent_invocation=named)
    await batch.until_running(2)
    match way:
        case "rest":
            await project.http.put(f"{batch.path}/cancel")
        case "temporal":
            await temporal.get_workflow_handle(batch.id).cancel()
        case "parent":
            await project.cancel("note_and_hold", parent)
    results = await batch.all_results()
    assert [result["outcome"] for result in results] == ["CANCELLED"] * 50
    assert sum(result["attempts"] for result in results) < 10  # and the others have no workflow
    assert (await batch.read())["cancellation_request_time"] is not None
    assert (await closed(temporal, batch)).status is WorkflowExecutionStatus.CANCELED
    if way != "parent":
        await project.cancel("note_and_hold", parent)


async def test_one_of_a_batch_that_has_not_begun_is_cancelled_alone(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", max_concurrency=1)
    release = tmp_path / "release"
    batch = await Batch.create(project, "note_and_hold", [hold(tmp_path / str(n), release) for n in range(3)])
    await batch.until_running(1)
    listed = (await project.http.get(f"/projects/{project.name}/invocations", params={"batch_id": batch.id})).json()
    waiting = [
        one["invocation_id"]
        for one in listed["invocations"]
        if not (await project.get("note_and_hold", one["invocation_id"]))["executions"]
    ]
    await project.cancel("note_and_hold", waiting[0])
    ended = await project.ended("note_and_hold", waiting[0])
    assert (ended["outcome"], ended["executions"]) == ("CANCELLED", [])
    release.touch()
    assert sorted(result["outcome"] for result in await batch.all_results()) == ["CANCELLED", "SUCCEEDED", "SUCCEEDED"]


async def test_what_has_not_begun_in_time_times_out_without_a_workflow(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", max_concurrency=1, timeouts={"note_and_hold": 2})
    inputs = [hold(tmp_path / str(number), tmp_path / "never") for number in range(20)]
    results = await (await Batch.create(project, "note_and_hold", inputs)).all_results()
    assert {result["outcome"] for result in results} == {"TIMED_OUT"}
    assert sum(result["attempts"] for result in results) <= 2


async def test_a_batch_whose_workflow_is_lost_has_one_again(
    project: Project, temporal: Client, catalog: Database, tmp_path: Path
) -> None:
    await project.deploy("note_and_hold", max_concurrency=1)
    release = tmp_path / "release"
    batch = await Batch.create(project, "note_and_hold", [hold(tmp_path / str(n), release) for n in range(4)])
    await lines_of(tmp_path / "0")
    await delete_workflow(temporal, batch.id)
    await grow_old_batch(catalog, batch.id)
    assert (await repairs(temporal)).get("batches started") == 1
    assert (await repairs(temporal)) == {}  # and none of its invocations beside it
    release.touch()
    assert [result["outcome"] for result in await batch.all_results()] == ["SUCCEEDED"] * 4
    await closed(temporal, batch)


async def test_a_project_is_deleted_with_a_batch_that_runs(project: Project, tmp_path: Path) -> None:
    await project.deploy("note_and_hold", max_concurrency=2)
    batch = await Batch.create(project, "note_and_hold", [hold(tmp_path / str(n), tmp_path / "x") for n in range(50)])
    await batch.until_running(2)
    await project.http.delete(f"/projects/{project.name}")
    while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
        await asyncio.sleep(0.05)
    assert (await project.http.get(f"/batches/{batch.id}")).status_code == 404


async def test_every_result_comes_once_though_api_and_loop_are_killed(project: Project, stack_folder: Path) -> None:
    inputs = [{"number": number} for number in range(16)]
    await project.deploy("double")
    batch = await Batch.create(project, "double", inputs)
    results: list[Json] = []
    killed: set[str] = set()
    while len(results) < len(inputs):
        try:
            async for result in batch.results(after=len(results)):
                results.append(result)
                for name, when in (("loop", 4), ("api", 10)):
                    if len(results) >= when and name not in killed:
                        killed.add(name)
                        kill(stack_folder, name)
        except httpx2.TransportError:  # its `api` is gone: another one goes on
            await asyncio.sleep(0.05)
    ended = await batch.read()
    assert killed == {"loop", "api"}
    assert [result["position"] for result in results] == list(range(1, 17))
    assert sorted((result["index"], result["output"]) for result in results) == [
        (number, str(2 * number)) for number in range(16)
    ]
    assert {result["attempts"] for result in results} == {1}
    assert (ended["status"], ended["counts"]["SUCCEEDED"]) == ("TERMINATED", 16)


def kill(data: Path, server: str) -> None:
    record = read_record(DataFolder(data).record(server))
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
