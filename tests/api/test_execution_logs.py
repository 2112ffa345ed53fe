"""Logs of an execution, in pages, as the provisioner has them."""

import httpx2
import pytest

from control_plane_server.catalog.database import Database
from tests.api.builders import add_execution, deploy, invoke
from tests.api.container_log import CONTAINER, ContainerLog


@pytest.fixture
async def invocation(client: httpx2.AsyncClient) -> str:
    return await invoke(client, (await deploy(client)).invocations())


@pytest.fixture
async def execution(database: Database, invocation: str) -> str:
    return await add_execution(database, invocation, CONTAINER)


async def test_pages_go_on_where_the_last_one_ended(
    client: httpx2.AsyncClient, execution: str, log: ContainerLog
) -> None:
    log.write("".join(f"line {number}\n" for number in range(5)))
    first = (await client.get(f"{execution}/logs", params={"max_lines": 2})).json()
    parts = execution.split("/")
    assert first == {
        "project_name": "p",
        "version_id": parts[4],
        "function_name": "f",
        "invocation_id": parts[8],
        "execution_id": parts[10],
        "log_lines": ["line 0", "line 1"],
        "log_entries": [{"time_ms": None, "stream": None, "line": f"line {number}"} for number in range(2)],
        "next_offset": first["next_offset"],
    }
    rest = (await client.get(f"{execution}/logs", params={"initial_offset": first["next_offset"]})).json()
    assert rest["log_lines"] == ["line 2", "line 3", "line 4"]
    at_the_end = (await client.get(f"{execution}/logs", params={"initial_offset": rest["next_offset"]})).json()
    assert (at_the_end["log_lines"], at_the_end["next_offset"]) == ([], rest["next_offset"])
    log.write("grown\n")
    grown = (await client.get(f"{execution}/logs", params={"initial_offset": rest["next_offset"]})).json()
    assert grown["log_lines"] == ["grown"]


async def test_no_more_than_250_lines_a_page(client: httpx2.AsyncClient, execution: str, log: ContainerLog) -> None:
    log.write("x\n" * 300)
    for query in ({}, {"max_lines": 10**30}):
        assert len((await client.get(f"{execution}/logs", params=query)).json()["log_lines"]) == 250


async def test_without_a_container_or_a_log_there_is_nothing(
    client: httpx2.AsyncClient, database: Database, invocation: str, execution: str
) -> None:
    unprovisioned = await add_execution(database, invocation, attempt=2)
    for path in (unprovisioned, execution):
        page = (await client.get(f"{path}/logs")).json()
        assert (page["log_lines"], page["next_offset"]) == ([], None)


@pytest.mark.parametrize("offset", ["", "x", "-1", "99999", "1,x", "\0"])
async def test_foreign_offsets_are_refused(
    client: httpx2.AsyncClient, execution: str, log: ContainerLog, offset: str
) -> None:
    log.write("line\n")
    answer = await client.get(f"{execution}/logs", params={"initial_offset": offset})
    assert (answer.status_code, answer.json()) == (400, {"detail": "The next offset is in an invalid format"})


@pytest.mark.parametrize("lines", ["0", "-1", "x"])
async def test_the_number_of_lines_is_checked(client: httpx2.AsyncClient, execution: str, lines: str) -> None:
    answer = await client.get(f"{execution}/logs", params={"max_lines": lines})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "max_lines"]
