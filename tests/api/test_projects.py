"""Projects: made once, listed newest first, asked to go away."""

import httpx2
import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from tests.api.builders import PROJECT

DOES_NOT_EXIST = {"detail": "A project with this name does not exist"}


async def test_a_project_is_made_once(client: httpx2.AsyncClient) -> None:
    made = await client.put(PROJECT)
    assert made.status_code == 200
    creation_time = made.json()["creation_time"]
    assert made.json() == {
        "project_name": "p",
        "deletion_request_time": None,
        "creation_time": creation_time,
        "paused_since": None,
        "paused_until": None,
    }
    assert isinstance(creation_time, int)
    assert (await client.get(PROJECT)).json() == made.json()
    again = await client.put(PROJECT)
    assert (again.status_code, again.json()) == (409, {"detail": "A project with this name already exists."})


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("x" * 64, 200),
        ("x" * 65, 400),
        ("\U0001f600" * 64, 200),
        ("a b", 200),
        ("a%00b", 422),
        ("a%0Ab", 422),
        ("a%C2%85b", 422),
        ("%252E%252E", 200),
        ("...", 200),
        ("%00" + "x" * 65, 422),
    ],
)
async def test_names_are_checked(client: httpx2.AsyncClient, name: str, status: int) -> None:
    answer = await client.put(f"/projects/{name}")
    assert answer.status_code == status
    if status == 400:
        assert answer.json() == {"detail": "The project name is too long"}
    if status == 422:
        assert answer.json()["detail"][0]["loc"] == ["path", "project_name"]


async def test_a_missing_project(client: httpx2.AsyncClient) -> None:
    for answer in (await client.get(PROJECT), await client.delete(PROJECT)):
        assert (answer.status_code, answer.json()) == (404, DOES_NOT_EXIST)


async def test_deletion_may_be_requested_again_and_moves_the_time(
    client: httpx2.AsyncClient, database: Database
) -> None:
    await client.put(PROJECT)
    first = await client.delete(PROJECT)
    assert first.status_code == 200
    assert first.json()["deletion_request_time"] >= first.json()["creation_time"]
    async with database.statement() as connection:
        await connection.execute(
            text("UPDATE projects SET deletion_request_time = deletion_request_time - interval '9 s'")
        )
    second = await client.delete(PROJECT)
    assert second.json()["deletion_request_time"] >= first.json()["deletion_request_time"]
    assert (await client.get(PROJECT)).json() == second.json()
    assert (await client.put(PROJECT)).status_code == 409


async def test_projects_are_listed_newest_first_and_by_name_within_a_second(
    client: httpx2.AsyncClient, database: Database
) -> None:
    for name in ("b", "a", "old", "new"):
        await client.put(f"/projects/{name}")
    async with database.statement() as connection:
        for name, time in (("a", "10.9"), ("b", "10.1"), ("old", "9.9"), ("new", "11.0")):
            await connection.execute(
                text("UPDATE projects SET creation_time = to_timestamp(:time) WHERE project_name = :name"),
                {"name": name, "time": float(time)},
            )
    listed = (await client.get("/projects")).json()["projects"]
    assert [(project["project_name"], project["creation_time"]) for project in listed] == [
        ("new", 11),
        ("a", 10),
        ("b", 10),
        ("old", 9),
    ]
