"""What has ended, once more: one invocation, or all that match, as a batch that is found by its id."""

from collections.abc import Sequence

import httpx2
import pytest
from sqlalchemy import select, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import InvocationRow
from tests.api.builders import FINISHED, Deployed, Json, add_execution, deploy, function_spec, invoke

REPLAYS = "/projects/p/replays"
ALL: Json = {}


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


async def end(database: Database, *paths: str, outcome: str = "FAILED") -> None:
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .where(InvocationRow.invocation_id.in_(map(id_of, paths)))
            .values(status="TERMINATED", outcome=outcome, attempts=1, queued_ms=0, starting_ms=0, running_ms=0)
        )


async def posted(client: httpx2.AsyncClient, path: str, body: Json = ALL, key: str | None = None) -> Json:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    document: Json = answer.json()
    return document


async def refused(client: httpx2.AsyncClient, path: str, body: Json = ALL) -> tuple[int, object]:
    answer = await client.post(path, json=body)
    return answer.status_code, answer.json()["detail"]


async def originals(database: Database, batch: Json) -> Sequence[str | None]:
    async with database.statement() as connection:
        found = await connection.scalars(
            select(InvocationRow.replayed_from)
            .where(InvocationRow.batch_id == batch["batch_id"])
            .order_by(InvocationRow.batch_index)
        )
        return found.all()


@pytest.fixture
async def old(client: httpx2.AsyncClient) -> Deployed:
    return await deploy(client, function_spec("f"), function_spec("g"))


async def test_an_invocation_once_more(client: httpx2.AsyncClient, database: Database, old: Deployed) -> None:
    options: Json = {"tags": {"team": "a"}, "priority": 8, "concurrency_key": "k", "concurrency_limit": 2}
    parent = await invoke(client, old.invocations("g"))
    original = await invoke(
        client,
        old.invocations("f"),
        input='{"n": 1}',
        parent_invocation={"function_name": "g", "invocation_id": id_of(parent)},
        delay_seconds=100,
        queue_timeout_seconds=7,
        **options,
    )
    await deploy(client, function_spec("f"))
    status, detail = await refused(client, f"{original}/replay")
    assert (status, detail) == (
        409,
        "This invocation has not ended, and what has not ended cannot be replayed: wait for its end, or cancel it",
    )
    await add_execution(database, original, FINISHED)  # whose container has to go still
    again = await posted(client, f"{original}/replay", key="once")
    assert again["replayed_from"] == id_of(original)
    assert (again["input"], again["version_id"], again["parent_invocation"]) == ('{"n": 1}', old.version_id, None)
    assert {name: again[name] for name in options} == options
    assert (again["delay_seconds"], again["queue_timeout_seconds"], again["invocation_status"]) == (0, 7, "RUNNING")
    # The same answer to the same request, however it names the invocation.
    assert (await posted(client, f"{original}/replay", key="once"))["invocation_id"] == again["invocation_id"]
    by_id = f"/invocations/{id_of(original)}/replay"
    assert (await posted(client, by_id, key="once"))["invocation_id"] == again["invocation_id"]
    without_body = (await client.post(by_id)).json()
    assert without_body["invocation_id"] != again["invocation_id"]
    reused = await client.post(by_id, json={"version_ref": "latest"}, headers={"Idempotency-Key": "once"})
    assert reused.status_code == 422
    found = (await client.get("/projects/p/invocations")).json()["invocations"]
    assert {one["replayed_from"] for one in found} == {None, id_of(original)}


async def test_in_another_version(client: httpx2.AsyncClient, database: Database, old: Deployed) -> None:
    of_f = await invoke(client, old.invocations("f"), input='{"m": 1}')
    of_g = await invoke(client, old.invocations("g"))
    await end(database, of_f, of_g)
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    new = await deploy(client, function_spec("f", signature=schema))
    assert (await posted(client, f"{of_f}/replay"))["version_id"] == old.version_id
    status, detail = await refused(client, f"{of_f}/replay", {"version_ref": "latest"})
    assert status == 422  # its arguments are none of the new function's
    assert "input" in str(detail)
    assert await refused(client, f"{of_g}/replay", {"version_ref": new.version_id}) == (
        404,
        "A function with this name does not exist for this project version",
    )
    assert (await refused(client, f"{of_f}/replay", {"version_ref": "ver-nowhere"}))[0] == 404
    assert (await refused(client, f"{of_f}/replay", {"version": "latest"}))[0] == 422


async def test_all_that_match_are_a_batch(client: httpx2.AsyncClient, database: Database, old: Deployed) -> None:
    paths = [await invoke(client, old.invocations(name), tags={"run": "7"}) for name in ("f", "g", "f")]
    await end(database, *paths[:2])
    await end(database, paths[2], outcome="TIMED_OUT")
    await end(database, await invoke(client, old.invocations("f")))  # without the tag
    await invoke(client, old.invocations("f"), tags={"run": "7"})  # runs
    body: Json = {"outcome": ["FAILED", "TIMED_OUT"], "tag": ["run:7"]}
    batch = await posted(client, REPLAYS, body, key="last-night")
    assert (batch["size"], batch["version_id"], batch["function_name"]) == (3, None, None)
    assert await originals(database, batch) == [id_of(path) for path in paths]
    assert await posted(client, REPLAYS, body, key="last-night") == batch
    other = await client.post(REPLAYS, json={"outcome": ["FAILED"]}, headers={"Idempotency-Key": "last-night"})
    assert other.status_code == 422

    path = f"/batches/{batch['batch_id']}"
    assert (await client.get(path)).json() == batch
    listed = await client.get("/projects/p/invocations", params={"batch_id": str(batch["batch_id"])})
    assert {one["function_name"] for one in listed.json()["invocations"]} == {"f", "g"}
    of_g = {"batch_id": str(batch["batch_id"]), "function_name": "g"}
    assert len((await client.get("/projects/p/invocations", params=of_g)).json()["invocations"]) == 1
    # It is of no function.
    of_function = f"{old.version}/functions/f/batches"
    assert (await client.get(of_function)).json()["batches"] == []
    assert (await client.get(f"{of_function}/{batch['batch_id']}")).status_code == 404

    first = listed.json()["invocations"][-1]
    one = await client.put(f"/invocations/{first['invocation_id']}/cancel")
    assert one.status_code == 200, one.text
    cancelled = await client.put(f"{path}/cancel")
    assert cancelled.json()["counts"]["CANCELLED"] == 3
    results = (await client.get(f"{path}/results")).text.split()
    assert len([line for line in results if "CANCELLED" in line]) == 3
    assert (await client.put(f"{path}/cancel")).status_code == 409
    assert (await client.get(f"{path}/results", params={"after": 4})).status_code == 400


async def test_what_is_not_understood_replays_nothing(
    client: httpx2.AsyncClient, database: Database, old: Deployed
) -> None:
    await end(database, await invoke(client, old.invocations("f")))
    for body in ({"outcomes": ["FAILED"]}, {"status": "RUNNING"}, {"tag": ["run"]}, {"outcome": "FAILED"}):
        assert (await refused(client, REPLAYS, body))[0] == 422  # type: ignore[arg-type]
    assert await refused(client, REPLAYS, {"since": 2_000_000_000}) == (
        409,
        "No invocation that has ended is like that: look with the same filters at what there is",
    )
    assert (await refused(client, "/projects/q/replays"))[0] == 404
    async with database.statement() as connection:
        assert len((await connection.scalars(select(InvocationRow.invocation_id))).all()) == 1
