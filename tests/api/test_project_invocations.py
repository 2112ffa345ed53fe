"""The list of a project's invocations: all functions and versions, by every filter, page by page."""

from datetime import UTC, datetime

import httpx2
from sqlalchemy import update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.messages import StopReason
from tests.api.builders import DEAD, FINISHED, Json, add_execution, deploy, function_spec, invoke

PATH = "/projects/p/invocations"


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


async def listed(client: httpx2.AsyncClient, **filters: object) -> list[Json]:
    answer = await client.get(PATH, params={key: str(value) for key, value in filters.items()})
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["invocations"]
    return found


async def ids(client: httpx2.AsyncClient, **filters: object) -> set[str]:
    return {str(one["invocation_id"]) for one in await listed(client, **filters)}


async def test_filters(client: httpx2.AsyncClient, database: Database) -> None:
    old = await deploy(client, function_spec("f"), function_spec("g"))
    new = await deploy(client, function_spec("f"))
    await deploy(client, function_spec("f"), project="q")
    await invoke(client, "/projects/q/versions/latest/functions/f/invocations")
    first = await invoke(client, old.invocations("f"))
    second = await invoke(client, old.invocations("g"))
    parent = {"function_name": "f", "invocation_id": id_of(first)}
    child = await invoke(client, old.invocations("g"), parent_invocation=parent)
    third = await invoke(client, new.invocations("f"))
    batch = (await client.post(f"{new.version}/functions/f/batches", json={"inputs": ["1", "2"]})).json()
    async with database.transaction() as connection:
        await TerminationRepository(connection).terminate_invocation(
            InvocationId(id_of(second)), reason=StopReason.TIMED_OUT
        )
    assert len(await listed(client)) == 6
    (one,) = await listed(client, outcome="TIMED_OUT")
    assert (one["function_name"], one["version_id"], one["invocation_id"]) == ("g", old.version_id, id_of(second))
    assert (one["invocation_status"], one["outcome"]) == ("TERMINATED", "TIMED_OUT")
    assert await ids(client, status="TERMINATED") == {id_of(second)}
    assert await ids(client, outcome="SUCCEEDED") == set()
    assert await ids(client, function_name="g") == {id_of(second), id_of(child)}
    assert await ids(client, version_id=new.version_id, batch_id=batch["batch_id"]) == await ids(
        client, batch_id=batch["batch_id"]
    )
    assert len(await ids(client, batch_id=batch["batch_id"])) == 2
    assert await ids(client, parent_invocation_id=id_of(first)) == {id_of(child)}
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .values(creation_time=datetime(2020, 1, 1, tzinfo=UTC))
            .where(InvocationRow.invocation_id == id_of(third))
        )
    assert await ids(client, until=1_600_000_000) == {id_of(third)}
    assert id_of(third) not in await ids(client, since=1_600_000_000)
    assert await ids(client, since=1_577_836_800, until=1_577_836_800) == {id_of(third)}


async def test_pages(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client, function_spec("f"), function_spec("g"))
    made = {id_of(await invoke(client, deployed.invocations(name))) for name in "fg" * 5}
    seen: list[str] = []
    parameters = {"max_results": "3"}
    while True:
        page = (await client.get(PATH, params=parameters)).json()
        seen += [one["invocation_id"] for one in page["invocations"]]
        if page["next_offset"] is None:
            break
        parameters["initial_offset"] = page["next_offset"]
    assert len(seen) == 10
    assert set(seen) == made
    assert (await client.get(PATH, params={"initial_offset": "x"})).status_code == 400
    assert (await client.get("/projects/nobody/invocations")).status_code == 404
    assert (await client.get(PATH, params={"since": str(2**63)})).status_code == 422


async def test_outcomes_of_a_release_that_recorded_none(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client, function_spec(execution_spec={"max_retries": 1}))
    succeeded, failed, aborted, cancelled, timed_out = [await invoke(client, deployed.invocations()) for _ in range(5)]
    await add_execution(database, succeeded, {**FINISHED, **DEAD})
    await add_execution(database, failed, {**FINISHED, **DEAD, "outcome": "FAILED"})
    await add_execution(database, failed, DEAD, attempt=2)
    await add_execution(database, aborted, {**FINISHED, **DEAD, "outcome": "ABORTED"})
    await add_execution(database, cancelled, {**FINISHED, **DEAD, "outcome": "ABORTED"})
    await add_execution(database, timed_out, DEAD)
    time = InvocationRow.creation_time
    async with database.statement() as connection:
        for path, columns in (
            (cancelled, {"cancellation_request_time": time, "stop_time": time}),
            (timed_out, {"stop_time": time}),
        ):
            await connection.execute(
                update(InvocationRow).where(InvocationRow.invocation_id == id_of(path)).values(columns)
            )
        await connection.execute(update(InvocationRow).values(status="TERMINATED"))
    expected = {
        id_of(succeeded): "SUCCEEDED",
        id_of(failed): "FAILED",
        id_of(aborted): "ABORTED",
        id_of(cancelled): "CANCELLED",
        id_of(timed_out): "TIMED_OUT",
    }
    assert {one["invocation_id"]: one["outcome"] for one in await listed(client)} == expected
    for invocation_id, outcome in expected.items():
        assert await ids(client, outcome=outcome) == {invocation_id}
        assert (await client.get(f"/invocations/{invocation_id}")).json()["outcome"] == outcome
