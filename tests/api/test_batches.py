"""Batches over REST, without Temporal: what is created, read, listed, refused, and what a stream of results sends."""

import json
from collections.abc import Mapping

import httpx2
import pytest
from sqlalchemy import select, text

from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.batch_ends import BatchEndRepository
from control_plane_server.catalog.tables import InvocationRow, WaitingExecutionRow
from control_plane_server.domain.identifiers import BatchId
from control_plane_server.domain.messages import StopReason
from tests.api.builders import Deployed, Json, deploy, function_spec, invoke

LINES = {"Content-Type": "application/x-ndjson"}


def batches(deployed: Deployed) -> str:
    return f"{deployed.version}/functions/f/batches"


async def create(client: httpx2.AsyncClient, deployed: Deployed, *inputs: str, **more: object) -> Json:
    answer = await client.post(batches(deployed), json={"inputs": list(inputs), **more})
    assert answer.status_code == 200, answer.text
    created: Json = answer.json()
    return created


async def test_a_batch_is_created_with_its_invocations_in_their_order(
    client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client)
    batch = await create(client, deployed, *(str(number) for number in range(100)))
    assert {key: batch[key] for key in ("project_name", "version_id", "function_name", "size", "status")} == {
        "project_name": "p",
        "version_id": deployed.version_id,
        "function_name": "f",
        "size": 100,
        "status": "RUNNING",
    }
    assert batch.pop("is_resumed") is False, "said by the creation alone"
    assert batch["parent_invocation"] is None
    assert batch["cancellation_request_time"] is None
    assert batch["counts"] == {
        "queued": 100,
        "running": 0,
        "SUCCEEDED": 0,
        "FAILED": 0,
        "CANCELLED": 0,
        "TIMED_OUT": 0,
        "ABORTED": 0,
    }
    async with database.statement() as connection:
        found = await connection.execute(
            select(InvocationRow.input, InvocationRow.batch_index)
            .join(WaitingExecutionRow, WaitingExecutionRow.invocation_id == InvocationRow.invocation_id)
            .order_by(WaitingExecutionRow.rank, WaitingExecutionRow.invocation_id)
        )
        assert [tuple(row) for row in found] == [(str(number), number) for number in range(100)]
    for path in (f"{batches(deployed)}/{batch['batch_id']}", f"/batches/{batch['batch_id']}"):
        assert (await client.get(path)).json() == batch
    listed = (await client.get(deployed.invocations())).json()["invocations"]
    assert {one["batch_id"] for one in listed} == {batch["batch_id"]}
    assert {one["outcome"] for one in listed} == {None}


async def test_lines_are_inputs_as_they_are(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client)
    lines = [b'{"b": 1,  "a": [2]}', b"", b'"\xc3\xa9"', b"   ", b"3\r", b"null"]
    answer = await client.post(batches(deployed), content=b"\n".join(lines), headers=LINES)
    assert answer.status_code == 200, answer.text
    assert answer.json()["size"] == 4
    async with database.statement() as connection:
        inputs = await connection.scalars(select(InvocationRow.input).order_by(InvocationRow.batch_index))
        assert inputs.all() == ['{"b": 1,  "a": [2]}', '"é"', "3", "null"]


@pytest.mark.parametrize(
    ("body", "headers", "place"),
    [
        (b'{"inputs": []}', {}, ["body", "inputs"]),
        (b'{"inputs": ["1", 2]}', {}, ["body", "inputs", 1]),
        (json.dumps({"inputs": ["1", "x" * 250_000]}).encode(), {}, ["body", "inputs", 1]),
        (json.dumps({"inputs": ["1", "2", "\x00"]}).encode(), {}, ["body", "inputs", 2]),
        (json.dumps({"inputs": ["1"] * 10_001}).encode(), {}, ["body", "inputs"]),
        (b"[", {}, ["body", 1]),
        (b"", LINES, ["body", "inputs"]),
        (b'1\n{"a": }\n3', LINES, ["body", "inputs", 1]),
        (b"1\n\xff", LINES, ["body", "inputs", 1]),
        (b"1\n" * 10_001, LINES, ["body", "inputs"]),
        (b"1\n2\n" + b'"' + b"x" * 250_000 + b'"', LINES, ["body", "inputs", 2]),
        (b"1\n" + b"[" * 100_000, LINES, ["body", "inputs", 1]),
    ],
)
async def test_what_is_wrong_is_named_by_its_place(
    client: httpx2.AsyncClient, body: bytes, headers: Mapping[str, str], place: list[str | int]
) -> None:
    deployed = await deploy(client)
    answer = await client.post(batches(deployed), content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == place


async def test_bodies_may_be_longer_than_others(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    line = b'"' + b"x" * 200_000 + b'"\n'
    fine = await client.post(batches(deployed), content=line * 80, headers=LINES)
    assert (fine.status_code, fine.json()["size"]) == (200, 80)
    assert (await client.post(batches(deployed), content=line * 90, headers=LINES)).status_code == 413
    assert (await client.post(deployed.invocations(), content=line * 30)).status_code == 413


async def test_the_same_key_makes_one_batch_however_it_is_sent(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    key = {"Idempotency-Key": "k"}
    first = await client.post(batches(deployed), json={"inputs": ["1", "2"]}, headers=key)
    again = await client.post(batches(deployed), content=b"1\n2\n", headers=key | LINES)
    assert first.json() == again.json()
    other = await client.post(batches(deployed), json={"inputs": ["1", "3"]}, headers=key)
    assert other.status_code == 422
    assert "already" in other.text or "before" in other.text
    assert len((await client.get(batches(deployed))).json()["batches"]) == 1


async def test_a_batch_of_a_parent_that_is_stopped_is_cancelled_at_birth(
    client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client)
    parent = (await invoke(client, deployed.invocations())).rsplit("/", 1)[1]
    named = {"function_name": "f", "invocation_id": parent}
    batch = await create(client, deployed, "1", "2", parent_invocation=named)
    assert (batch["parent_invocation"], batch["cancellation_request_time"]) == (named, None)
    by_query = await client.post(
        f"{batches(deployed)}?parent_function_name=f&parent_invocation_id={parent}", content=b"1", headers=LINES
    )
    assert by_query.json()["parent_invocation"] == named
    await client.put(f"{deployed.invocations()}/{parent}/cancel")
    late = await create(client, deployed, "1", "2", parent_invocation=named)
    assert late["cancellation_request_time"] is not None
    async with database.statement() as connection:
        requested = await connection.scalars(
            select(InvocationRow.cancellation_request_time).where(InvocationRow.batch_id == late["batch_id"])
        )
        assert None not in requested.all()


async def test_unknown_parents_batches_and_functions(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client, function_spec(), function_spec("g"))
    batch = await create(client, deployed, "1")
    stranger = {"function_name": "f", "invocation_id": "inv-nobody"}
    answer = await client.post(batches(deployed), json={"inputs": ["1"], "parent_invocation": stranger})
    assert (answer.status_code, answer.json()["detail"]) == (400, "The ID of the parent invocation is invalid")
    answer = await client.post(f"{batches(deployed)}?parent_function_name=f", content=b"1", headers=LINES)
    assert answer.status_code == 400
    elsewhere = batches(deployed).replace("/f/", "/g/")
    for path, detail in (
        (f"{batches(deployed)}/bat-nobody", "A batch with this ID does not exist for this function"),
        (f"{elsewhere}/{batch['batch_id']}", "A batch with this ID does not exist for this function"),
        (
            batches(deployed).replace("/f/", "/h/") + "/x",
            "A function with this name does not exist for this project version",
        ),
        ("/batches/bat-nobody", "A batch with this ID does not exist for this function"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (404, detail), path
    latest = f"/projects/p/versions/latest/functions/f/batches/{batch['batch_id']}"
    await deploy(client)
    assert (await client.get(latest)).json()["batch_id"] == batch["batch_id"]


async def test_lists_go_on_where_a_page_ends(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    made = {(await create(client, deployed, "1"))["batch_id"] for _ in range(5)}
    seen: list[str] = []
    parameters = {"max_results": "2"}
    while len(seen) < 5:
        page = (await client.get(batches(deployed), params=parameters)).json()
        seen += [batch["batch_id"] for batch in page["batches"]]
        parameters["initial_offset"] = str(page["next_offset"])
    assert page["next_offset"] is None
    assert len(seen) == 5
    assert set(seen) == made
    assert (await client.get(f"{batches(deployed)}?initial_offset=x")).status_code == 400


async def test_a_cancelled_batch_ends_at_once_where_it_has_no_workflows(client: httpx2.AsyncClient) -> None:
    """Though Temporal is away."""
    deployed = await deploy(client)
    batch = await create(client, deployed, *map(str, range(5)))
    path = f"{batches(deployed)}/{batch['batch_id']}"
    asked = (await client.put(f"{path}/cancel")).json()
    assert asked["cancellation_request_time"] is not None
    ended = (await client.get(path)).json()
    assert ended == asked
    assert (ended["status"], ended["counts"]["CANCELLED"], ended["counts"]["queued"]) == ("TERMINATED", 5, 0)
    again = await client.put(f"{path}/cancel")
    assert (again.status_code, again.json()["detail"]) == (409, "This batch has already terminated")
    results = lines_of(await client.get(f"{path}/results"))
    assert [(one["position"], one["index"], one["outcome"]) for one in results] == [
        (number + 1, number, "CANCELLED") for number in range(5)
    ]
    assert {(one["output"], one["execution_id"], one["attempts"]) for one in results} == {(None, None, 0)}
    assert lines_of(await client.get(f"{path}/results?after=3")) == results[3:]
    assert lines_of(await client.get(f"{path}/results?after=5")) == []
    assert (await client.get(f"{path}/results?after=6")).status_code == 400
    assert (await client.get(f"{path}/results?after=-1")).status_code == 422


async def test_results_as_events_go_on_behind_the_last_one(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client)
    batch = await create(client, deployed, "1", "2", "3")
    await end_unstarted(database, batch, reason=StopReason.TIMED_OUT)
    path = f"{batches(deployed)}/{batch['batch_id']}/results"
    answer = await client.get(path, headers={"Accept": "text/event-stream", "Last-Event-ID": "1"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [block for block in answer.text.split("\n\n") if "data:" in block]
    assert [block.splitlines()[:1] for block in events] == [["event: result"]] * 2
    assert [line for block in events for line in block.splitlines() if line.startswith("id:")] == ["id: 2", "id: 3"]
    assert "TIMED_OUT" in answer.text


async def test_results_that_were_deleted_are_not_an_end(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client)
    batch = await create(client, deployed, "1", "2", "3")
    await end_unstarted(database, batch, reason=StopReason.TIMED_OUT)
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM invocations WHERE batch_position = 1"))
    answer = await client.get(f"{batches(deployed)}/{batch['batch_id']}/results")
    assert answer.status_code == 404


async def test_a_process_serves_so_many_streams(client: httpx2.AsyncClient, services: Services) -> None:
    deployed = await deploy(client)
    batch = await create(client, deployed, "1")
    services.results.of_batches._places._max_streams = 0
    answer = await client.get(f"{batches(deployed)}/{batch['batch_id']}/results")
    assert answer.status_code == 503


async def end_unstarted(database: Database, batch: Json, *, reason: StopReason) -> None:
    async with database.transaction() as connection:
        ended = await BatchEndRepository(connection).end_unstarted(
            BatchId(str(batch["batch_id"])), reason=reason, at_most=10
        )
    assert ended.is_complete


def lines_of(answer: httpx2.Response) -> list[Json]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines() if line]


@pytest.mark.parametrize("line", ["NaN", "[1, -Infinity]"])
async def test_what_python_alone_takes_for_json_is_no_line(client: httpx2.AsyncClient, line: str) -> None:
    deployed = await deploy(client)
    answer = await client.post(batches(deployed), content=f"1\n{line}\n".encode(), headers=LINES)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["body", "inputs", 1]
    assert "Infinity is no value of it" in problem["msg"] or "NaN is no value of it" in problem["msg"]
