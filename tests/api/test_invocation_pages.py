"""The list of invocations: order, pages, offsets, filters."""

import httpx2
import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from tests.api.builders import Deployed, deploy, function_spec, invoke


async def fill(client: httpx2.AsyncClient, database: Database, times: list[float]) -> tuple[Deployed, list[str]]:
    """Invocations created at these times; their ids in the order of the list."""
    deployed = await deploy(client)
    made = []
    for time in times:
        invocation_id = (await invoke(client, deployed.invocations())).rsplit("/", 1)[1]
        made.append((-int(time), invocation_id))
        async with database.statement() as connection:
            await connection.execute(
                text("UPDATE invocations SET creation_time = to_timestamp(:time) WHERE invocation_id = :id"),
                {"time": time, "id": invocation_id},
            )
    return deployed, [invocation_id for _, invocation_id in sorted(made)]


@pytest.mark.parametrize("page_size", [1, 2, 3, 50])
async def test_pages_together_are_the_list(client: httpx2.AsyncClient, database: Database, page_size: int) -> None:
    deployed, expected = await fill(client, database, [10.9, 10.1, 10.5, 9.9, 11.0, 11.99, 8.0])
    seen: list[str] = []
    offset: str | None = None
    while True:
        query: dict[str, str | int] = {"max_results": page_size} | (
            {} if offset is None else {"initial_offset": offset}
        )
        page = (await client.get(deployed.invocations(), params=query)).json()
        assert len(page["invocations"]) <= page_size
        seen += [invocation["invocation_id"] for invocation in page["invocations"]]
        offset = page["next_offset"]
        if offset is None:
            break
    assert seen == expected


async def test_an_empty_page_names_the_first_row(client: httpx2.AsyncClient, database: Database) -> None:
    deployed, expected = await fill(client, database, [10.0, 11.0])
    page = (await client.get(deployed.invocations(), params={"max_results": 0})).json()
    assert page == {
        "project_name": "p",
        "version_id": deployed.version_id,
        "function_name": "f",
        "invocations": [],
        "next_offset": f"11,{expected[0]}",
    }


async def test_an_offset_need_not_name_a_row(client: httpx2.AsyncClient, database: Database) -> None:
    deployed, expected = await fill(client, database, [9.0, 10.0, 11.0])
    for offset, following in (
        ("10,", expected[1:]),
        ("10,zzz", expected[2:]),
        ("99,x", expected),
        ("1,x", []),
        (f"{10**30},x", expected),
        (f"-{10**30},x", []),
    ):
        page = (await client.get(deployed.invocations(), params={"initial_offset": offset})).json()
        assert [invocation["invocation_id"] for invocation in page["invocations"]] == following


@pytest.mark.parametrize("offset", ["", "x", ",x", "1", "1.5,x", "x,1", "1,\0", f"{'9' * 5_000},x"])
async def test_malformed_offsets(client: httpx2.AsyncClient, offset: str) -> None:
    deployed = await deploy(client)
    answer = await client.get(deployed.invocations(), params={"initial_offset": offset})
    assert (answer.status_code, answer.json()) == (400, {"detail": "The next offset is in an invalid format"})


async def test_no_more_than_fifty_a_page(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    for _ in range(51):
        await invoke(client, deployed.invocations())
    for query in ({}, {"max_results": 10**30}):
        page = (await client.get(deployed.invocations(), params=query)).json()
        assert len(page["invocations"]) == 50
        assert page["next_offset"] is not None


async def test_filters_combine(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client, function_spec("f"), function_spec("g"))
    parent = (await invoke(client, deployed.invocations("g"))).rsplit("/", 1)[1]
    family = {"function_name": "g", "invocation_id": parent}
    ended = (await invoke(client, deployed.invocations(), parent_invocation=family)).rsplit("/", 1)[1]
    async with database.statement() as connection:
        await connection.execute(
            text("UPDATE invocations SET status = 'TERMINATED' WHERE invocation_id = :id"), {"id": ended}
        )
    running = (await invoke(client, deployed.invocations(), parent_invocation=family)).rsplit("/", 1)[1]
    alone = (await invoke(client, deployed.invocations())).rsplit("/", 1)[1]

    async def listed(**query: str) -> set[str]:
        page = (await client.get(deployed.invocations(), params=query)).json()
        return {invocation["invocation_id"] for invocation in page["invocations"]}

    of_parent = {"parent_function_name": "g", "parent_invocation_id": parent}
    assert await listed() == {ended, running, alone}
    assert await listed(status="RUNNING") == {running, alone}
    assert await listed(**of_parent) == {ended, running}
    assert await listed(status="TERMINATED", **of_parent) == {ended}
    assert await listed(parent_function_name="f", parent_invocation_id=parent) == set()
    assert await listed(parent_function_name="x", parent_invocation_id="x") == set()
    (shown,) = (await client.get(deployed.invocations(), params={"status": "TERMINATED"})).json()["invocations"]
    assert shown["parent_invocation"] == family
    assert set(shown) == {
        "invocation_id",
        "parent_invocation",
        "cancellation_request_time",
        "invocation_status",
        "outcome",
        "error_message",
        "attempts",
        "queued_seconds",
        "starting_seconds",
        "running_seconds",
        "batch_id",
        "queue_timeout_seconds",
        "tags",
        "delay_seconds",
        "priority",
        "concurrency_key",
        "concurrency_limit",
        "replayed_from",
        "schedule_name",
        "creation_time",
        "last_update_time",
    }


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ({"max_results": "-1"}, 422, None),
        ({"max_results": "x"}, 422, None),
        ({"status": "PENDING"}, 422, None),
        ({"parent_function_name": "\0", "parent_invocation_id": "x"}, 422, None),
        ({"parent_invocation_id": "x", "max_results": "-1"}, 422, None),
        ({"parent_invocation_id": "x"}, 400, "The parent function name is missing"),
        ({"parent_function_name": "x"}, 400, "The parent invocation ID is missing"),
        ({"parent_function_name": "x", "initial_offset": "x"}, 400, "The parent invocation ID is missing"),
        ({"initial_offset": "x"}, 404, "A project with this name does not exist"),
        ({}, 404, "A project with this name does not exist"),
    ],
)
async def test_checks_of_a_query_come_in_order(
    client: httpx2.AsyncClient, query: dict[str, str], status: int, detail: str | None
) -> None:
    answer = await client.get("/projects/p/versions/latest/functions/f/invocations", params=query)
    assert answer.status_code == status
    if detail is not None:
        assert answer.json() == {"detail": detail}
    else:
        assert answer.json()["detail"][0]["loc"][0] == "query"
