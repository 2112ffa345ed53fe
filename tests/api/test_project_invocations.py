"""The list of a project's invocations: all functions and versions, by every filter, page by page."""

from datetime import UTC, datetime

import httpx2
from sqlalchemy import update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.execution_lifecycle.terminations import TerminationRepository
from control_plane_server.catalog.incomplete_invocations import IncompleteInvocationRepository
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.messages import StopReason
from tests.api.builders import DEAD, FINISHED, Deployed, Json, add_execution, deploy, function_spec, invoke

PATH = "/projects/p/invocations"
NONE = dict.fromkeys(("queued", "running", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT", "ABORTED"), 0)


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


async def listed(client: httpx2.AsyncClient, **filters: object) -> list[Json]:
    answer = await client.get(PATH, params=_parameters(filters))
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["invocations"]
    return found


async def counts(client: httpx2.AsyncClient, **filters: object) -> Json:
    answer = await client.get(f"{PATH}/counts", params=_parameters(filters))
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["counts"]
    return found


def _parameters(filters: dict[str, object]) -> dict[str, str | list[str]]:
    return {key: value if isinstance(value, list) else str(value) for key, value in filters.items()}


async def ids(client: httpx2.AsyncClient, **filters: object) -> set[str]:
    return {str(one["invocation_id"]) for one in await listed(client, **filters)}


async def test_tags_and_concurrency_keys(client: httpx2.AsyncClient) -> None:
    """All tags that are asked for; whatever characters they have."""
    deployed = await deploy(client, function_spec("f"), function_spec("g"))
    odd = "it's \\ \" %s %% : $1 :x __[POSTCOMPILE_x] 日本 = -- /* \n"
    both = await invoke(client, deployed.invocations("f"), tags={"run": "7", "odd": odd})
    one = await invoke(client, deployed.invocations("g"), tags={"run": "7"}, concurrency_key="k", concurrency_limit=1)
    of_key = await invoke(client, deployed.invocations("f"), concurrency_key="k", concurrency_limit=1)
    assert await ids(client, tag="run:7") == {id_of(both), id_of(one)}
    assert await ids(client, tag=["run:7", f"odd:{odd}"]) == {id_of(both)}
    assert await ids(client, tag=f"odd:{odd}", function_name="f", status="RUNNING") == {id_of(both)}
    for nothing in ("run:", "run:77", "odd:it's", ["run:7", "run:8"]):
        assert await ids(client, tag=nothing) == set()
    assert await ids(client, concurrency_key="k") == {id_of(one), id_of(of_key)}
    assert await ids(client, concurrency_key="k", tag="run:7") == {id_of(one)}
    assert await ids(client, concurrency_key="k", version_id=deployed.version_id, function_name="f") == {id_of(of_key)}
    assert await counts(client, tag="run:7") == {**NONE, "queued": 2}
    answer = await client.get(PATH, params={"tag": "run"})
    assert answer.status_code == 422
    assert "key:value" in answer.text


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
    await check_all_filters(client, old, new, first, second, child, third, batch["batch_id"])
    # A release that wrote no names inserted them.
    async with database.statement() as connection:
        await connection.execute(update(InvocationRow).values(project_name=None, function_name=None))
    await check_all_filters(client, old, new, first, second, child, third, batch["batch_id"])
    async with database.statement() as connection:
        assert await IncompleteInvocationRepository(connection).complete(at_most=4) == 4
        await check_all_filters(client, old, new, first, second, child, third, batch["batch_id"])
        assert await IncompleteInvocationRepository(connection).complete(at_most=9) == 3
    await check_all_filters(client, old, new, first, second, child, third, batch["batch_id"])
    async with database.statement() as connection:
        await connection.execute(
            update(InvocationRow)
            .values(creation_time=datetime(2020, 1, 1, tzinfo=UTC))
            .where(InvocationRow.invocation_id == id_of(third))
        )
    assert await ids(client, until=1_600_000_000) == {id_of(third)}
    assert id_of(third) not in await ids(client, since=1_600_000_000)
    assert await ids(client, since=1_577_836_800, until=1_577_836_800) == {id_of(third)}
    assert (await counts(client, until=1_600_000_000))["queued"] == 1


async def check_all_filters(
    client: httpx2.AsyncClient,
    old: Deployed,
    new: Deployed,
    first: str,
    second: str,
    child: str,
    third: str,
    batch_id: str,
) -> None:
    assert len(await listed(client)) == 6
    (one,) = await listed(client, outcome="TIMED_OUT")
    assert (one["function_name"], one["version_id"], one["invocation_id"]) == ("g", old.version_id, id_of(second))
    assert (one["invocation_status"], one["outcome"]) == ("TERMINATED", "TIMED_OUT")
    assert await ids(client, status="TERMINATED") == {id_of(second)}
    assert await ids(client, outcome="SUCCEEDED") == set()
    assert await ids(client, outcome=["SUCCEEDED", "TIMED_OUT"]) == {id_of(second)}
    assert await ids(client, outcome="TIMED_OUT", status="RUNNING") == set()
    assert await ids(client, function_name="g") == {id_of(second), id_of(child)}
    assert await ids(client, function_name="g", status="RUNNING") == {id_of(child)}
    assert await ids(client, version_id=old.version_id) == {id_of(first), id_of(second), id_of(child)}
    assert await ids(client, version_id=old.version_id, function_name="f") == {id_of(first)}
    of_batch = await ids(client, batch_id=batch_id)
    assert len(of_batch) == 2
    assert await ids(client, version_id=new.version_id) == {id_of(third), *of_batch}
    for filters, found in (
        ({}, of_batch),
        ({"version_id": new.version_id}, of_batch),
        ({"version_id": old.version_id}, set()),
        ({"function_name": "f", "status": "RUNNING"}, of_batch),
        ({"function_name": "g"}, set()),
    ):
        assert await ids(client, batch_id=batch_id, **filters) == found
    for filters, found in (
        ({}, {id_of(child)}),
        ({"function_name": "g"}, {id_of(child)}),
        ({"function_name": "f"}, set()),
        ({"version_id": old.version_id}, {id_of(child)}),
        ({"version_id": new.version_id}, set()),
        ({"batch_id": batch_id}, set()),
    ):
        assert await ids(client, parent_invocation_id=id_of(first), **filters) == found
    assert await ids(client, id_prefix=id_of(child)[:14]) == {id_of(child)}
    assert await ids(client, id_prefix=id_of(child), function_name="f") == set()
    # Another project's.
    foreign = {"parent_invocation_id": id_of(first), "id_prefix": id_of(first), "batch_id": batch_id}
    for name, value in (*foreign.items(), ("version_id", old.version_id)):
        answer = await client.get("/projects/q/invocations", params={name: value})
        assert answer.json()["invocations"] == []
    assert await counts(client) == {**NONE, "queued": 5, "TIMED_OUT": 1}
    assert await counts(client, function_name="g", outcome=["TIMED_OUT", "FAILED"]) == {**NONE, "TIMED_OUT": 1}
    assert await counts(client, version_id=new.version_id) == {**NONE, "queued": 3}
    assert await counts(client, parent_invocation_id=id_of(first)) == {**NONE, "queued": 1}
    assert await counts(client, batch_id=batch_id) == {**NONE, "queued": 2}


async def test_running_ones_are_counted(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client)
    parent = await invoke(client, deployed.invocations())
    assert (await client.get(parent, params={"children": "true"})).json()["children"] is None
    of_parent = {"function_name": "f", "invocation_id": id_of(parent)}
    first, second = [await invoke(client, deployed.invocations(), parent_invocation=of_parent) for _ in range(2)]
    await add_execution(database, first, DEAD)
    await add_execution(database, first, attempt=2)
    await add_execution(database, second, DEAD)
    expected = {**NONE, "queued": 1, "running": 1}
    assert await counts(client, parent_invocation_id=id_of(parent)) == expected
    assert (await client.get(parent, params={"children": "true"})).json()["children"] == expected
    by_id = await client.get(f"/invocations/{id_of(parent)}", params={"children": "true"})
    assert by_id.json()["children"] == expected
    assert (await client.get(parent)).json()["children"] is None


async def test_failures_that_are_alike_come_together(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client, function_spec("f"), function_spec("g"))
    messages = {"f": ("no row 17", "no row 8", "no table"), "g": ("no row 1",)}
    made = []
    for function_name, of_function in messages.items():
        for message in of_function:
            made.append(await invoke(client, deployed.invocations(function_name)))
            await add_execution(database, made[-1], {**FINISHED, **DEAD, "outcome": "FAILED", "error_message": message})
    cancelled = await invoke(client, deployed.invocations())
    await client.put(f"{cancelled}/cancel")
    async with database.statement() as connection:
        await connection.execute(update(InvocationRow).values(status="TERMINATED"))
    for _ in range(2):  # as a release left them that stored nothing, and completed
        answer = (await client.get("/projects/p/failures")).json()
        assert [(one["function_name"], one["error_message"], one["count"]) for one in answer["failures"]] == [
            ("g", "no row <n>", 1),
            ("f", "no table", 1),
            ("f", "no row <n>", 2),
        ]
        alike = answer["failures"][2]
        assert (alike["newest_invocation_id"], alike["example_message"]) == (id_of(made[1]), "no row 8")
        assert alike["outcome"] == "FAILED"
        assert alike["first_time"] <= alike["last_time"]
        of_g = (await client.get("/projects/p/failures", params={"function_name": "g", "since": "1"})).json()
        assert [one["newest_invocation_id"] for one in of_g["failures"]] == [id_of(made[3])]
        assert (await client.get("/projects/p/failures", params={"until": "1"})).json()["failures"] == []
        async with database.statement() as connection:
            await IncompleteInvocationRepository(connection).complete(at_most=9)
    assert (await client.get("/projects/nobody/failures")).status_code == 404


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
    assert (await client.get(f"{PATH}/counts", params={"since": str(2**63)})).status_code == 422
    for refused in ({"since": str(2**63)}, {"id_prefix": "inv-12345"}, {"id_prefix": "123456"}, {"outcome": "LOST"}):
        assert (await client.get(PATH, params=refused)).status_code == 422
    assert (await client.get("/projects/nobody/invocations/counts")).status_code == 404


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
