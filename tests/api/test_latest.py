"""What `latest` is: the version declared last of which nothing is refused for good, whatever the clock says; and what
is found under it: invocations and batches of whatever version."""

import httpx2
import pytest
from sqlalchemy import text, update

from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import FunctionRow
from tests.api.builders import STARTED, VERSIONS, Deployed, add_execution, deploy, function_spec, invoke
from tests.api.event_streams import events_of

LATEST = f"{VERSIONS}/latest"
LATEST_INVOCATIONS = f"{LATEST}/functions/f/invocations"


async def put_clock_back(database: Database) -> None:
    """What was declared so far was so by a clock that was an hour ahead."""
    async with database.statement() as connection:
        await connection.execute(text("UPDATE versions SET creation_time = creation_time + interval '1 hour'"))


async def refuse(database: Database, deployed: Deployed) -> None:
    await prepare(database, deployed, preparation_error="no such image")


async def prepare(database: Database, deployed: Deployed, **outcome: str) -> None:
    async with database.statement() as connection:
        await connection.execute(
            update(FunctionRow).where(FunctionRow.version_id == deployed.version_id).values(**outcome)
        )


async def latest(client: httpx2.AsyncClient) -> object:
    return (await client.get(LATEST)).json()["version_id"]


async def test_it_is_the_version_declared_last_though_the_clock_has_gone_back(
    client: httpx2.AsyncClient, database: Database
) -> None:
    first = await deploy(client)
    await put_clock_back(database)
    second = await deploy(client)
    assert await latest(client) == second.version_id
    made = await client.post(LATEST_INVOCATIONS, json={"input": "1"})
    assert made.json()["version_id"] == second.version_id
    listed = (await client.get(VERSIONS)).json()["versions"]
    assert [version["version_id"] for version in listed] == [second.version_id, first.version_id]


async def test_a_version_with_a_function_that_is_refused_for_good_is_passed_over(
    client: httpx2.AsyncClient, database: Database
) -> None:
    first, second, third = [await deploy(client, function_spec(), function_spec("g")) for _ in range(3)]
    assert await latest(client) == third.version_id, "it is not known yet whether it can be prepared"
    await refuse(database, third)
    assert await latest(client) == second.version_id
    await refuse(database, second)
    assert (await client.post(LATEST_INVOCATIONS, json={"input": "1"})).json()["version_id"] == first.version_id
    await refuse(database, first)
    assert await latest(client) == third.version_id, "if none can run, the last one says why"


async def test_versions_say_which_is_the_latest_and_what_became_of_them(
    client: httpx2.AsyncClient, database: Database
) -> None:
    first, second = await deploy(client), await deploy(client)
    await prepare(database, first, status="READY")
    assert await latest(client) == second.version_id, "at once"

    async def listed() -> list[tuple[str, bool]]:
        versions = (await client.get(VERSIONS)).json()["versions"]
        return [(one["status"], one["is_latest"]) for one in versions]

    assert await listed() == [("PENDING", True), ("READY", False)]
    await refuse(database, second)
    assert await listed() == [("REFUSED", False), ("READY", True)]
    for deployed, status, is_latest in ((first, "READY", True), (second, "REFUSED", False)):
        read = (await client.get(deployed.version)).json()
        assert (read["status"], read["is_latest"]) == (status, is_latest)
    batch = await client.post(f"{LATEST}/functions/f/batches", json={"inputs": ["1"]})
    assert batch.json()["version_id"] == first.version_id


@pytest.fixture
async def older(client: httpx2.AsyncClient, services: Services, database: Database) -> tuple[str, str]:
    """An invocation of the version before, and an execution of it, as paths under `latest`."""
    services.event_streams.stop()
    deployed = await deploy(client)
    invocation = await invoke(client, deployed.invocations())
    execution = await add_execution(database, invocation, STARTED)
    await deploy(client, function_spec("another"))
    return invocation.replace(deployed.version_id, "latest"), execution.replace(deployed.version_id, "Latest")


async def test_an_invocation_is_found_under_it_in_whatever_version_it_is(
    client: httpx2.AsyncClient, older: tuple[str, str]
) -> None:
    invocation, execution = older
    invocation_id = invocation.rsplit("/", 1)[1]
    for path, params in ((invocation, {}), (invocation, {"wait_seconds": 0})):
        answer = await client.get(path, params=params)
        assert (answer.status_code, answer.json()["invocation_id"]) == (200, invocation_id)
        assert answer.json()["version_id"] != await latest(client)
    assert (await client.get(execution)).json()["invocation_id"] == invocation_id
    assert (await client.get(f"{execution}/logs")).json()["log_lines"] == []
    assert next(iter(await events_of(client, invocation))).name == "state"
    updated = await client.put(f"{execution}/update", json={"latest_output": "half"})
    assert (updated.status_code, updated.json()["output"]) == (200, "half")
    cancelled = await client.put(f"{invocation}/cancel")
    assert (cancelled.status_code, cancelled.json()["invocation_id"]) == (200, invocation_id)
    assert cancelled.json()["cancellation_request_time"] is not None
    finished = await client.put(f"{execution}/finish", json={"outcome": "ABORTED"})
    assert finished.status_code == 200


async def test_children_and_batches_are_found_under_it_in_whatever_version_they_are(
    client: httpx2.AsyncClient, services: Services, older: tuple[str, str]
) -> None:
    invocation, _ = older
    info = (await client.get(invocation)).json()
    parent = {"function_name": "f", "invocation_id": info["invocation_id"]}
    functions = f"{VERSIONS}/{info['version_id']}/functions/f"
    child = (await client.post(f"{functions}/invocations", json={"input": "2", "parent_invocation": parent})).json()
    query = {f"parent_{name}": value for name, value in parent.items()}
    listed = (await client.get(LATEST_INVOCATIONS, params=query)).json()
    assert listed["version_id"] == info["version_id"]
    assert [one["invocation_id"] for one in listed["invocations"]] == [child["invocation_id"]]
    batch = (await client.post(f"{functions}/batches", json={"inputs": ["1"]})).json()
    path = f"{LATEST}/functions/f/batches/{batch['batch_id']}"
    assert (await client.get(path)).json()["version_id"] == info["version_id"]
    cancelled = await client.put(f"{path}/cancel")
    assert cancelled.json()["cancellation_request_time"] is not None
    services.results.of_batches.stop()
    assert (await client.get(f"{path}/results")).status_code == 200


async def test_what_is_missing_under_it_is_told_as_of_the_latest_version(
    client: httpx2.AsyncClient, older: tuple[str, str]
) -> None:
    invocation, execution = older
    of_another = invocation.replace("/functions/f/", "/functions/another/")
    in_another_project = invocation.replace("/projects/p/", "/projects/q/")
    await deploy(client, project="q")
    for path, detail in (
        (of_another, "An invocation with this ID does not exist for this function"),
        (f"{invocation}x", "A function with this name does not exist for this project version"),
        (in_another_project, "An invocation with this ID does not exist for this function"),
        (f"{execution}x", "An execution with this ID does not exist for this invocation"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": detail})


async def test_under_a_version_only_its_own_are_found(client: httpx2.AsyncClient, older: tuple[str, str]) -> None:
    invocation, _ = older
    newest = await deploy(client)
    for method, path in (("GET", ""), ("PUT", "/cancel")):
        answer = await client.request(method, invocation.replace("latest", newest.version_id) + path)
        assert answer.status_code == 404
