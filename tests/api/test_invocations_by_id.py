"""An invocation is found by its id alone."""

from unittest.mock import ANY

import httpx2
import pytest

from api.services import Services
from control_plane_server.catalog.database import Database
from tests.api.builders import DEAD, add_execution, deploy, invoke


async def test_it_is_found_whatever_its_version(client: httpx2.AsyncClient) -> None:
    invocation = await invoke(client, (await deploy(client)).invocations())
    await deploy(client)  # `latest` is another version now
    answer = await client.get(f"/invocations/{invocation.rsplit('/', 1)[1]}")
    assert answer.status_code == 200
    assert answer.json() == (await client.get(invocation)).json() | {"queued_seconds": ANY}


@pytest.mark.parametrize("invocation_id", ["inv-" + 32 * "0", "%00", "a%20b", "\u2603"])
async def test_what_is_not_there(client: httpx2.AsyncClient, invocation_id: str) -> None:
    answer = await client.get(f"/invocations/{invocation_id}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "An invocation with this ID does not exist for this function"}


async def test_it_is_followed_and_cancelled_by_its_id(client: httpx2.AsyncClient, services: Services) -> None:
    invocation = await invoke(client, (await deploy(client)).invocations())
    by_id = f"/invocations/{invocation.rsplit('/', 1)[1]}"
    services.event_streams.stop()  # each ends after what there is
    followed = await client.get(f"{by_id}/events")
    assert followed.headers["content-type"].startswith("text/event-stream")
    assert followed.text == (await client.get(f"{invocation}/events")).text
    assert "event: state" in followed.text
    cancelled = await client.put(f"{by_id}/cancel")
    assert cancelled.json()["cancellation_request_time"] is not None
    assert cancelled.json() == (await client.get(invocation)).json() | {"queued_seconds": ANY}
    assert (await client.put(f"{by_id}x/cancel")).status_code == 404


async def test_the_log_is_that_of_the_last_execution_or_of_an_attempt(
    client: httpx2.AsyncClient, database: Database
) -> None:
    invocation = await invoke(client, (await deploy(client)).invocations())
    logs = f"/invocations/{invocation.rsplit('/', 1)[1]}/logs"
    none = await client.get(logs)
    assert (none.status_code, none.json()["detail"]) == (
        404,
        "An execution with this ID does not exist for this invocation",
    )
    executions = [await add_execution(database, invocation, DEAD, attempt=attempt) for attempt in (1, 2)]
    for parameters, execution in (({}, executions[1]), ({"attempt": 1}, executions[0])):
        log = (await client.get(logs, params=parameters)).json()
        assert log == (await client.get(f"{execution}/logs")).json()
    assert (await client.get(logs, params={"attempt": 3})).status_code == 404
