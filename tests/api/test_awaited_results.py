"""POST /invocations/results: each result once, as soon as its outcome is known, whatever names it."""

import asyncio
import json
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import delete

from api.results import awaited
from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.execution_tokens import execution_token
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.messages import StopReason
from tests.api.builders import (
    DEAD,
    FINISHED,
    ROOT_KEYS,
    STARTED,
    Json,
    add_execution,
    bearer,
    deploy,
    execution_id_of,
    function_spec,
    invoke,
)

RESULTS = "/invocations/results"
FAILED = {**FINISHED, "outcome": "FAILED", "error_message": "ValueError: no", "error_traceback": "Traceback …"}


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


async def ask(client: httpx2.AsyncClient, *invocation_ids: str) -> list[Json]:
    answer = await client.post(RESULTS, json={"invocation_ids": invocation_ids})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines() if line]


async def end(database: Database, path: str, reason: StopReason) -> None:
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(InvocationId(id_of(path)), reason=reason)


async def test_what_is_known_comes_at_once(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client, function_spec(execution_spec={"max_retries": 1}))
    done, failed, cancelled, timed_out = [await invoke(client, deployed.invocations()) for _ in range(4)]
    await add_execution(database, done, {**FAILED, **DEAD})
    success = await add_execution(database, done, {**FINISHED, "output": "42"}, attempt=2)
    await add_execution(database, failed, {**FAILED, **DEAD})
    last = await add_execution(database, failed, FAILED, attempt=2)
    await end(database, cancelled, StopReason.CANCELLED)
    await end(database, timed_out, StopReason.TIMED_OUT)
    asked = [*map(id_of, (timed_out, done, cancelled, failed)), "inv-nobody", id_of(done)]
    lines = await ask(client, *asked)
    assert [line["position"] for line in lines] == [1, 2, 3, 4, 5, 6]
    by_index = {line["index"]: line for line in lines}
    for index, invocation_id in enumerate(asked):
        assert by_index[index]["invocation_id"] == invocation_id
    told = {index: (line["outcome"], line["output"], line["attempts"]) for index, line in by_index.items()}
    assert told == {
        0: ("TIMED_OUT", None, 0),
        1: ("SUCCEEDED", "42", 2),
        2: ("CANCELLED", None, 0),
        3: ("FAILED", None, 2),
        4: (None, None, 0),
        5: ("SUCCEEDED", "42", 2),
    }
    assert by_index[1]["execution_id"] == id_of(success)
    assert by_index[3]["execution_id"] == id_of(last)
    assert (by_index[3]["error_message"], by_index[3]["error_traceback"]) == ("ValueError: no", "Traceback …")
    assert by_index[4]["error_message"] == "This invocation does not exist"


async def test_others_come_as_they_are_known(client: httpx2.AsyncClient, database: Database) -> None:
    """A container reports through the API, which notifies; here by the same statements."""
    deployed = await deploy(client)
    paths = [await invoke(client, deployed.invocations()) for _ in range(3)]
    executions = [await add_execution(database, path, STARTED) for path in paths]
    asking = asyncio.create_task(ask(client, *map(id_of, paths)))
    for number in (2, 0, 1):
        report = {"outcome": "SUCCEEDED", "final_output": str(number)}
        assert (await client.put(f"{executions[number]}/finish", json=report)).status_code == 200
        await asyncio.sleep(0.2)  # not read together: then their order would be that of their ids
    assert [(line["index"], line["output"]) for line in await asking] == [(2, "2"), (0, "0"), (1, "1")]


async def test_long_outputs_come_page_by_page(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client)
    paths = [await invoke(client, deployed.invocations()) for _ in range(12)]
    for number, path in enumerate(paths):
        await add_execution(database, path, {**FINISHED, "output": str(number) * 200_000})
    lines = await ask(client, *map(id_of, paths))
    assert sorted(str(line["index"]) for line in lines) == sorted(map(str, range(12)))
    assert all(len(str(line["output"])) >= 200_000 for line in lines)


async def test_a_token_waits_for_the_children_of_its_own_invocation(
    client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client)
    parent = await invoke(client, deployed.invocations())
    own = await add_execution(database, parent, STARTED)
    named = {"function_name": "f", "invocation_id": id_of(parent)}
    child = await invoke(client, deployed.invocations(), parent_invocation=named)
    stranger = await invoke(client, deployed.invocations())
    for path in (child, stranger):
        await add_execution(database, path, FINISHED)
    token = bearer(execution_token(ROOT_KEYS[0], execution_id_of(own)))
    answer = await client.post(RESULTS, json={"invocation_ids": [id_of(child), id_of(stranger)]}, headers=token)
    lines = [json.loads(line) for line in answer.text.splitlines() if line]
    assert {line["index"]: line["outcome"] for line in lines} == {0: "SUCCEEDED", 1: None}
    await client.put(f"{own}/finish", json={"outcome": "SUCCEEDED"})
    batch = {"inputs": ["1"], "parent_invocation": named}
    made = await client.post(f"{deployed.version}/functions/f/batches", json=batch, headers=token)
    assert made.status_code == 200, made.text


async def test_one_that_is_deleted_meanwhile_is_told_as_unknown(
    client: httpx2.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaited, "_REREAD_INTERVAL", timedelta(seconds=0.2))
    deployed = await deploy(client)
    paths = [await invoke(client, deployed.invocations()) for _ in range(2)]
    asking = asyncio.create_task(ask(client, *map(id_of, paths)))
    await asyncio.sleep(0.1)
    async with database.statement() as connection:
        await connection.execute(delete(InvocationRow).where(InvocationRow.invocation_id == id_of(paths[0])))
    await end(database, paths[1], StopReason.CANCELLED)
    assert {line["index"]: line["outcome"] for line in await asking} == {0: None, 1: "CANCELLED"}


async def test_a_process_that_ends_ends_its_streams(client: httpx2.AsyncClient, services: Services) -> None:
    deployed = await deploy(client)
    path = await invoke(client, deployed.invocations())
    asking = asyncio.create_task(ask(client, id_of(path)))
    await asyncio.sleep(0.1)
    services.results.stop()
    assert await asking == []


async def test_bounds(client: httpx2.AsyncClient) -> None:
    for ids in ([], ["inv-1"] * 10_001, ["\x00"], [1]):
        assert (await client.post(RESULTS, json={"invocation_ids": ids})).status_code == 422
