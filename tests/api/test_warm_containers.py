"""What a warm container asks: an answer as soon as there is something, nothing after a while, one poll at a time."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import func, select, update

from api.app import create_app
from api.services import Services
from api.warm_polls import WarmPolls
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import WARM_CONTAINERS_CHANNEL, NotificationListener
from control_plane_server.catalog.tables import FunctionRow
from control_plane_server.catalog.warm_containers.containers import Lease
from control_plane_server.catalog.warm_containers.leases import LeaseRepository
from control_plane_server.catalog.warm_containers.states import State
from control_plane_server.domain.execution_tokens import container_token, launch_token
from control_plane_server.domain.identifiers import ExecutionId, WarmContainerId
from environment.settings import PostgresSettings
from tests.api.builders import ROOT_KEYS, Json, bearer
from tests.catalog.warm_containers.warm import Warm

PROMPTLY = 3.0
NOTHING = {"lease": None, "stop": False, "end": False}
END = {"lease": None, "stop": False, "end": True}
STOP = {"lease": None, "stop": True, "end": False}
Poll = asyncio.Task[tuple[Json, float]]


@pytest.fixture
async def listener(postgres_settings: PostgresSettings) -> AsyncIterator[NotificationListener]:
    async with NotificationListener(postgres_settings.url, [WARM_CONTAINERS_CHANNEL]) as listener:
        yield listener


@pytest.fixture
def services(services: Services, database: Database, listener: NotificationListener) -> Services:
    return replace(services, warm_polls=WarmPolls(database, listener, most=30))


@pytest.fixture
async def warm(database: Database) -> Warm:
    return await Warm.begin(database)


async def ask(client: httpx2.AsyncClient, container_id: WarmContainerId, **said: Json) -> tuple[Json, float]:
    """The answer and how long it took, in seconds."""
    began = time.monotonic()
    token = bearer(container_token(ROOT_KEYS[0], container_id))
    answer = await client.post(f"/containers/{container_id}/next", json=said, headers=token, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json(), time.monotonic() - began


async def waits(warm: Warm, container_id: WarmContainerId) -> None:
    """Until the container's poll has been written down."""
    while (await warm.row(container_id)).heard_time is None:
        await asyncio.sleep(0.01)


def of_launch(execution_id: ExecutionId, **more: object) -> Json:
    return {"execution_id": execution_id, "launch": 1, **more}


async def asking(client: httpx2.AsyncClient, warm: Warm, container_id: WarmContainerId, **said: Json) -> Poll:
    """A poll that waits by now."""
    await warm.change(container_id, heard_time=None)
    poll = asyncio.create_task(ask(client, container_id, **said))
    await waits(warm, container_id)
    await warm.change(container_id, heard_time=func.clock_timestamp())
    return poll


async def test_a_lease_answers_the_poll_with_what_it_takes_to_run_it(anonymous: httpx2.AsyncClient, warm: Warm) -> None:
    container_id = await warm.idle()
    poll = await asking(anonymous, warm, container_id)
    execution_id = await warm.execution()
    leased_at = time.monotonic()
    assert await warm.lease(execution_id)
    answer, _ = await poll
    assert time.monotonic() - leased_at < PROMPTLY
    lease = answer["lease"]
    assert isinstance(lease, dict)
    token = launch_token(ROOT_KEYS[0], execution_id, 1)
    assert (lease["execution_id"], lease["launch"], lease["token"]) == (execution_id, 1, token)
    assert lease["path"].endswith(f"/invocations/{lease['invocation_id']}/executions/{execution_id}")
    assert lease["traceparent"] == f"of {execution_id}"
    started = await anonymous.put(f"{lease['path']}/start", headers=bearer(token))
    assert started.status_code == 200
    assert (started.json()["is_warm_start"], started.json()["input"]) == (True, "1")
    assert not (await warm.row(container_id)).is_delivered, "that is written down when it asks again"
    again, took = await ask(anonymous, container_id)
    assert again == answer
    assert (await warm.row(container_id)).is_delivered
    assert took < PROMPTLY
    ended = of_launch(execution_id, exit_code=137)
    following = await asking(anonymous, warm, container_id, ended=ended)
    assert (await warm.execution_row(execution_id)).released_time is not None
    assert (await warm.execution_row(execution_id)).exit_code == 137
    following.cancel()


FAILURE = {"outcome": "FAILED", "error_message": "ValueError: no", "error_traceback": "line 1", "retry": False}


async def begun(client: httpx2.AsyncClient, warm: Warm) -> tuple[WarmContainerId, ExecutionId, str, str]:
    """A container that has started an execution: both, the execution's path, and the token of the lease."""
    container_id = await warm.idle()
    execution_id = await warm.execution()
    assert await warm.lease(execution_id)
    lease = (await ask(client, container_id))[0]["lease"]
    assert isinstance(lease, dict)
    assert lease["takes_report"]
    assert (await client.put(f"{lease['path']}/start", headers=bearer(lease["token"]))).status_code == 200
    return container_id, execution_id, lease["path"], lease["token"]


async def test_a_report_may_be_said_with_the_next_question(anonymous: httpx2.AsyncClient, warm: Warm) -> None:
    container_id, execution_id, path, token = await begun(anonymous, warm)
    said = {"ended": of_launch(execution_id), "report": {**FAILURE, "token": token}}
    for _ in range(2):  # its answer may be lost
        poll = await asking(anonymous, warm, container_id, **said)
        poll.cancel()
    row = await warm.execution_row(execution_id)
    assert row.released_time is not None
    assert row.execution_finish_time is not None
    assert row.exit_code is None
    execution = (await anonymous.get(path, headers=bearer(ROOT_KEYS[0]))).json()
    assert {key: execution[key] for key in ("outcome", "error_message", "error_traceback")} == {
        key: FAILURE[key] for key in ("outcome", "error_message", "error_traceback")
    }
    assert row.is_retryable is False


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"report": {**FAILURE, "token": "another"}}, 403),
        ({"report": {**FAILURE, "token": "é"}}, 422),
        ({"report": FAILURE}, 422),
        ({"report": {**FAILURE, "output_blob": "blo-1"}}, 422),
        ({"ended": None}, 422),
        ({"ended": {"execution_id": "exe-0", "launch": 1}}, 403),
        ({"report": {**FAILURE, "outcome": "SUCCEEDED"}}, 422),
    ],
)
async def test_a_report_that_is_refused_changes_nothing(
    anonymous: httpx2.AsyncClient, warm: Warm, changed: Json, status: int
) -> None:
    container_id, execution_id, _, token = await begun(anonymous, warm)
    whole = {"ended": of_launch(execution_id), "report": {**FAILURE, "token": token}} | changed
    key = bearer(container_token(ROOT_KEYS[0], container_id))
    answer = await anonymous.post(f"/containers/{container_id}/next", json=whole, headers=key, timeout=60)
    assert answer.status_code == status
    assert token not in answer.text
    row = await warm.execution_row(execution_id)
    assert (row.execution_finish_time, row.released_time) == (None, None)


async def test_what_is_over_is_not_told_again_by_a_notification_that_comes_late(
    anonymous: httpx2.AsyncClient, warm: Warm
) -> None:
    container_id = await warm.idle()
    poll = await asking(anonymous, warm, container_id)
    first, second = await warm.execution(), await warm.execution()
    assert await warm.lease(first)
    lease = (await poll)[0]["lease"]
    assert isinstance(lease, dict)
    following = await asking(anonymous, warm, container_id, ended=of_launch(first, exit_code=0))
    async with warm.database.statement() as connection:
        late = Lease(
            function=warm.function,
            invocation_id=warm.invocations[first],
            execution_id=first,
            launch=1,
            traceparent=None,
        )
        words = f"{container_id} {late.to_words()}"
        await connection.execute(select(func.pg_notify(WARM_CONTAINERS_CHANNEL, words)))
    assert await warm.lease(second)
    told = (await following)[0]["lease"]
    assert isinstance(told, dict)
    assert told["execution_id"] == second


async def test_while_it_runs_a_container_is_told_to_stop_and_nothing_else(
    anonymous: httpx2.AsyncClient, warm: Warm
) -> None:
    container_id = await warm.started()
    (execution_id,) = warm.executions
    poll = await asking(anonymous, warm, container_id, running=of_launch(execution_id))
    async with warm.database.statement() as connection:
        assert await LeaseRepository(connection).request_stop(execution_id, 1)
    assert (await poll)[0] == STOP
    assert (await ask(anonymous, container_id, running=of_launch(execution_id)))[0] == STOP


async def test_a_container_that_is_closed_while_it_waits_or_runs_ends(
    anonymous: httpx2.AsyncClient, warm: Warm
) -> None:
    idle = await warm.idle()
    poll = await asking(anonymous, warm, idle)
    await warm.close(idle)
    assert (await poll)[0] == END
    busy = await warm.started()
    poll = await asking(anonymous, warm, busy, running=of_launch(warm.executions[-1]))
    await warm.close(busy, is_gone=True)
    assert (await poll)[0] == END


async def test_an_idle_time_ends_in_the_middle_of_a_poll(anonymous: httpx2.AsyncClient, warm: Warm) -> None:
    container_id = await warm.idle()
    await warm.change(container_id, idle_since=func.clock_timestamp() - timedelta(seconds=599))
    answer, took = await ask(anonymous, container_id)
    assert (answer, took < 1 + PROMPTLY) == (END, True)


async def test_after_its_patience_a_poll_is_answered_with_nothing_by_one_statement(
    services: Services, database: Database, listener: NotificationListener, warm: Warm
) -> None:
    container_id = await warm.idle()
    polls = WarmPolls(database, listener, patience=timedelta(seconds=0.2))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=create_app(replace(services, warm_polls=polls))), base_url="http://api"
    ) as client:
        await warm.change(container_id, heard_time=None)
        answer, took = await ask(client, container_id)
    assert (answer, took >= 0.2) == (NOTHING, True)
    assert await warm.state(container_id) is State.IDLE


async def test_the_end_of_the_process_answers_every_poll(
    anonymous: httpx2.AsyncClient, services: Services, warm: Warm
) -> None:
    containers = [await warm.idle() for _ in range(3)]
    polls = [await asking(anonymous, warm, container_id) for container_id in containers]
    services.warm_polls.stop()
    for answer, took in await asyncio.gather(*polls):
        assert (answer, took < PROMPTLY * 2) == (NOTHING, True)
    assert (await ask(anonymous, containers[0]))[0] == NOTHING


async def test_polls_hold_no_connection_and_there_are_only_so_many(
    anonymous: httpx2.AsyncClient, warm: Warm, services: Services
) -> None:
    """Three times as many as the pool has connections."""
    containers = [await warm.idle() for _ in range(31)]
    polls = [await asking(anonymous, warm, container_id) for container_id in containers[:30]]
    token = bearer(container_token(ROOT_KEYS[0], containers[30]))
    refused = await anonymous.post(f"/containers/{containers[30]}/next", json={}, headers=token)
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    await warm.close(containers[30])
    assert await warm.lease(await warm.execution())
    services.warm_polls.stop()
    answers = [answer for answer, _ in await asyncio.gather(*polls)]
    assert len([answer for answer in answers if answer["lease"]]) == 1


async def test_of_two_polls_of_a_container_the_newer_one_gets_the_lease(
    anonymous: httpx2.AsyncClient, warm: Warm
) -> None:
    container_id = await warm.idle()
    older = await asking(anonymous, warm, container_id)
    newer = await asking(anonymous, warm, container_id)
    answer, took = await older
    assert (answer, took < PROMPTLY) == (NOTHING, True), "nobody waits for it"
    assert await warm.lease(await warm.execution())
    assert (await newer)[0]["lease"]


@pytest.mark.parametrize(
    "said",
    [
        {"ended": {"execution_id": "exe-1"}},
        {"ended": {"execution_id": "exe-1", "launch": 0}},
        {"running": {"execution_id": "x" * 65, "launch": 1}},
        {"ended": {"execution_id": "exe-1", "launch": 1, "exit_code": 256}},
    ],
)
async def test_what_is_no_launch_is_refused(anonymous: httpx2.AsyncClient, warm: Warm, said: Json) -> None:
    container_id = await warm.idle()
    token = bearer(container_token(ROOT_KEYS[0], container_id))
    answer = await anonymous.post(f"/containers/{container_id}/next", json=said, headers=token)
    assert answer.status_code == 422


async def test_a_container_reads_the_secrets_of_its_function_until_it_is_closed(
    client: httpx2.AsyncClient, warm: Warm
) -> None:
    container_id = await warm.idle()
    project = warm.function.project_name
    assert (await client.put(f"/projects/{project}/secrets/token", json={"value": "hidden"})).status_code == 200
    await warm.name_secrets({"TOKEN": "token"})
    own = bearer(container_token(ROOT_KEYS[1], container_id))
    answer = await client.get(f"/containers/{container_id}/environment", headers=own)
    assert (answer.status_code, answer.json()) == (200, {"secrets": {"TOKEN": "hidden"}, "import_limit_seconds": None})
    await client.delete(f"/projects/{project}/secrets/token")
    missing = await client.get(f"/containers/{container_id}/environment", headers=own)
    assert missing.status_code == 409
    assert "token" in missing.json()["detail"]
    await warm.close(container_id)
    assert (await client.get(f"/containers/{container_id}/environment", headers=own)).status_code == 404


@pytest.mark.parametrize(("attempt_timeout", "limit"), [(5, 600), (900, 900)])
async def test_a_container_is_told_how_long_it_may_import(
    client: httpx2.AsyncClient, warm: Warm, database: Database, attempt_timeout: int, limit: int
) -> None:
    container_id = await warm.idle()
    async with database.statement() as connection:
        await connection.execute(update(FunctionRow).values(attempt_timeout_seconds=attempt_timeout))
    own = bearer(container_token(ROOT_KEYS[0], container_id))
    answer = await client.get(f"/containers/{container_id}/environment", headers=own)
    assert answer.json() == {"secrets": {}, "import_limit_seconds": limit}
