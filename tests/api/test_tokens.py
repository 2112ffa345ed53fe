"""What an execution's token may do: its own execution as long as it exists, its project until it is TERMINATED."""

from collections.abc import Awaitable, Callable

import httpx2
import pytest
from sqlalchemy import text, update

from catalog.database import Database
from catalog.tables import ExecutionRow
from domain.execution_tokens import execution_token
from tests.api.scenery import (
    PROJECT,
    ROOT_KEYS,
    STARTED,
    VERSIONS,
    Deployed,
    add_execution,
    bearer,
    definition,
    deploy,
    execution_id_of,
    invoke,
)

Request = tuple[str, str, object]
WRONG_KEY = (403, {"detail": "The API key is invalid"})


class Scene:
    """An execution of project `p` with its token, and another execution beside it."""

    def __init__(self, deployed: Deployed, *, invocation: str, execution: str, other: str) -> None:
        self.deployed = deployed
        self.invocation = invocation
        self.execution = execution
        self.other = other
        self.token = bearer(execution_token(ROOT_KEYS[0], execution_id_of(execution)))

    def own_requests(self) -> list[Request]:
        return [
            ("GET", self.execution, None),
            ("PUT", f"{self.execution}/start", None),
            ("PUT", f"{self.execution}/update", {"latest_output": "1"}),
            ("PUT", f"{self.execution}/finish", {"outcome": "SUCCEEDED"}),
        ]

    def project_requests(self) -> list[Request]:
        return [
            ("GET", VERSIONS, None),
            ("GET", f"{VERSIONS}/latest", None),
            ("GET", self.deployed.invocations(), None),
            ("GET", self.invocation, None),
            ("POST", self.deployed.invocations(), {"input": "1"}),
            ("PUT", f"{self.invocation}/cancel", None),
        ]

    def forbidden_requests(self) -> list[Request]:
        return [
            ("GET", "/projects", None),
            ("GET", PROJECT, None),
            ("PUT", "/projects/new", None),
            ("DELETE", PROJECT, None),
            ("POST", VERSIONS, definition()),
            ("GET", f"{self.execution}/logs", None),
            ("GET", self.other, None),
            ("PUT", f"{self.other}/start", None),
            ("PUT", f"{self.other}/update", {"latest_output": "1"}),
            ("PUT", f"{self.other}/finish", {"outcome": "SUCCEEDED"}),
            ("GET", "/projects/q/versions", None),
            ("GET", "/projects/nowhere/versions/latest", None),
            ("GET", "/container_repository_credentials", None),
        ]


Sender = Callable[[Request], Awaitable[tuple[int, object]]]


@pytest.fixture
async def scene(client: httpx2.AsyncClient, database: Database) -> Scene:
    await client.put("/projects/q")
    deployed = await deploy(client)
    invocation = await invoke(client, deployed.invocations())
    execution = await add_execution(database, invocation)
    other = await add_execution(database, await invoke(client, deployed.invocations()))
    return Scene(deployed, invocation=invocation, execution=execution, other=other)


@pytest.fixture
def send(client: httpx2.AsyncClient, scene: Scene) -> Sender:
    async def send_with_token(request: Request) -> tuple[int, object]:
        method, path, body = request
        answer = await client.request(method, path, json=body, headers=scene.token)
        return answer.status_code, answer.json()

    return send_with_token


async def test_within_its_scope_a_token_is_as_good_as_a_key(send: Sender, scene: Scene) -> None:
    for request in scene.own_requests() + scene.project_requests():
        assert (await send(request))[0] == 200, request


async def test_outside_its_scope_a_token_is_no_key(send: Sender, scene: Scene) -> None:
    for request in scene.forbidden_requests():
        assert await send(request) == WRONG_KEY, request


async def test_the_end_of_the_execution_ends_all_but_its_own_endpoints(
    send: Sender, scene: Scene, database: Database
) -> None:
    async with database.statement() as session:
        await session.execute(update(ExecutionRow).values(worker_status="TERMINATED", **dict(STARTED)))
    for request in scene.project_requests():
        assert await send(request) == WRONG_KEY, request
    get, start, report, finish = scene.own_requests()
    assert (await send(get))[0] == 200
    assert await send(start) == (409, {"detail": "This execution has already started"})
    for request in (report, finish):
        assert await send(request) == (409, {"detail": "This execution has already terminated"})


async def test_an_execution_that_is_deleted_does_not_exist(send: Sender, scene: Scene, database: Database) -> None:
    async with database.statement() as session:
        await session.execute(text("DELETE FROM projects WHERE project_name = 'p'"))
    for request in scene.own_requests():
        assert await send(request) == (404, {"detail": "A project with this name does not exist"})
    for request in scene.project_requests():
        assert await send(request) == WRONG_KEY, request


async def test_its_own_execution_is_one_path_only(send: Sender, scene: Scene) -> None:
    misplaced = scene.execution.replace("/projects/p/", "/projects/q/")
    assert await send(("GET", misplaced, None)) == (
        404,
        {"detail": "A version with this ID does not exist for this project"},
    )


async def test_every_root_key_signs(client: httpx2.AsyncClient, scene: Scene) -> None:
    execution_id = execution_id_of(scene.execution)
    for key, status in ((ROOT_KEYS[0], 200), (ROOT_KEYS[1], 200), ("unknown", 403)):
        answer = await client.get(scene.execution, headers=bearer(execution_token(key, execution_id)))
        assert answer.status_code == status


async def test_a_token_is_checked_before_the_body(client: httpx2.AsyncClient, scene: Scene) -> None:
    answer = await client.put(f"{scene.other}/finish", json={}, headers=scene.token)
    assert (answer.status_code, answer.json()) == WRONG_KEY
