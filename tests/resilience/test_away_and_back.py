"""Temporal, PostgreSQL and the API go away or silent and come back, while containers run and users ask: nothing is
lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from sqlalchemy import text

from control_plane_server.domain.errors import CatalogIsAway
from tests.chaos.ledger import Ledger
from tests.chaos.process_stack import process_stack
from tests.chaos.stack import ChaosStack
from tests.e2e.ages import grow_old
from tests.e2e.project import Project, lines_of, release_file
from tests.e2e.repairs import repairs
from tests.figures import Show
from tests.resilience.schedules import call_while_servers_die

_DOWNTIME = 4.0  # seconds: longer than the API waits for Temporal
_BACK_WITHIN = 30.0
_SETTINGS = {"CONTROL_PLANE_RETENTION_DAYS": "30"}


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChaosStack]:
    ledger, folder = Ledger(), tmp_path_factory.mktemp("away") / "data"
    async with process_stack(folder, ledger, loop_environments=(_SETTINGS, _SETTINGS)) as it:
        yield it
    assert ledger.violations == []


@pytest.fixture(scope="module")
async def project(stack: ChaosStack) -> AsyncIterator[Project]:
    project = Project(stack.accesses[0], "away")
    await project.deploy("note_and_hold", "double", max_concurrency=5)
    yield project
    await project.http.aclose()


@pytest.fixture(autouse=True)
async def _all_up(stack: ChaosStack) -> None:
    """Whatever the test before has left: what fails in one fails in no other."""
    async with asyncio.timeout(_BACK_WITHIN):
        await stack.all_up()


class Held:
    """A container that ends, and delivers its result, when it is released."""

    def __init__(self, project: Project, folder: Path) -> None:
        self._project = project
        folder.mkdir(exist_ok=True)
        self._notes, self._release = folder / "notes", folder / "release"
        self._invocation_id = ""

    async def start(self) -> str:
        self._invocation_id = await self._project.invoke(
            "note_and_hold", notes=str(self._notes), release=str(self._release)
        )
        await lines_of(self._notes)
        return self._invocation_id

    def release(self) -> None:
        release_file(str(self._release))

    async def result(self) -> tuple[str, str, int]:
        (execution,) = (await self._project.ended("note_and_hold", self._invocation_id))["executions"]
        return execution["outcome"], execution["output"], execution["launches"]


DELIVERED = ("SUCCEEDED", "1", 1)


async def test_temporal_away_what_is_asked_is_accepted_and_done_when_it_is_back(
    stack: ChaosStack, project: Project, tmp_path: Path
) -> None:
    held, stopped = Held(project, tmp_path / "held"), Held(project, tmp_path / "stopped")
    await held.start()
    stopped_id = await stopped.start()
    assert stack.temporal.kill(downtime=_DOWNTIME)
    submitted, cancelled = await asyncio.gather(
        project.invoke("double", number=21), project.cancel("note_and_hold", stopped_id)
    )
    held.release()
    assert cancelled["cancellation_request_time"] is not None
    assert (await project.get("double", submitted))["invocation_status"] == "RUNNING"
    assert stack.temporal.pid() is None  # all that was asked while it was away
    await stack.all_up()
    await grow_old(stack.database, submitted, stopped_id)
    await repairs(stack.client)
    assert (await project.ended("double", submitted))["executions"][0]["output"] == "42"
    assert (await stopped.result())[0] == "ABORTED"
    assert await held.result() == DELIVERED


async def test_postgres_away_is_503_and_leaves_nothing_half_done(
    stack: ChaosStack, project: Project, tmp_path: Path
) -> None:
    held = Held(project, tmp_path)
    invocation_id = await held.start()
    before = await rows(stack)
    assert stack.postgres.kill(downtime=_DOWNTIME)
    await stack.postgres.gone()
    held.release()  # its report is tried again until it is taken
    invocations = f"/projects/{project.name}/versions/latest/functions/double/invocations"
    requests: list[tuple[str, str, Any]] = [
        ("PUT", "/projects/another", None),
        ("DELETE", f"/projects/{project.name}", None),
        ("POST", f"/projects/{project.name}/versions", {"default_docker_image": "", "functions": []}),
        ("POST", invocations, {"input": "1"}),
        ("PUT", f"{invocations.replace('double', 'note_and_hold')}/{invocation_id}/cancel", None),
        ("GET", invocations, None),
    ]
    for method, path, body in requests:
        answer = await project.http.request(method, path, json=body)
        assert (answer.status_code, answer.json()) == (503, {"detail": "The service is temporarily unavailable"})
        assert int(answer.headers["retry-after"]) > 0
    assert stack.postgres.pid() is None
    await stack.all_up()
    assert await held.result() == DELIVERED
    assert await rows(stack) == before


async def test_postgres_silent_containers_are_seen_to_end_soon(
    stack: ChaosStack, project: Project, tmp_path: Path, show: Show
) -> None:
    """Every connection that is open at that moment is never heard of again; new ones work."""
    held = Held(project, tmp_path)
    await held.start()
    stack.proxies.postgres.lose_connections()
    held.release()
    began = time.monotonic()
    async with asyncio.timeout(_BACK_WITHIN):
        await stack.all_up()
        assert await held.result() == DELIVERED
    show(f"all connections to PostgreSQL silently cut: an end is recorded {time.monotonic() - began:.0f} s later")


async def test_postgres_only_reads_is_503_and_nothing_is_lost(
    stack: ChaosStack, project: Project, tmp_path: Path
) -> None:
    """As before a standby is promoted."""
    held = Held(project, tmp_path)
    await held.start()
    invocations = f"/projects/{project.name}/versions/latest/functions/double/invocations"
    async with only_reading(stack):
        held.release()
        answers = [await project.http.post(invocations, json={"input": '{"number": 1}'}) for _ in range(20)]
        assert {answer.status_code for answer in answers} == {503}
        ready = await project.http.get("/health/ready")
        assert (ready.status_code, ready.json()["postgres"]) == (503, "away")
    async with asyncio.timeout(_BACK_WITHIN):
        await stack.all_up()
        assert await held.result() == DELIVERED


@asynccontextmanager
async def only_reading(stack: ChaosStack) -> AsyncIterator[None]:
    url = stack.database.url
    administrator = await asyncpg.connect(
        host=str(url.query["host"]), port=int(str(url.query["port"])), user=url.username, database=url.database
    )
    try:
        await reconfigure(administrator, "SET default_transaction_read_only = on", shown="on")
        yield
    finally:
        await reconfigure(administrator, "RESET default_transaction_read_only", shown="off")
        await administrator.close()


async def reconfigure(administrator: asyncpg.Connection, change: str, *, shown: str) -> None:
    """Until sessions have heard of it: the server tells them, and answers before it has."""
    await administrator.execute(f"ALTER SYSTEM {change}")
    await administrator.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(_BACK_WITHIN):
        while await administrator.fetchval("SHOW default_transaction_read_only") != shown:
            await asyncio.sleep(0.05)


async def test_the_api_away_a_container_keeps_its_result_and_delivers_it(
    stack: ChaosStack, project: Project, tmp_path: Path
) -> None:
    held = Held(project, tmp_path)
    await held.start()
    for api in stack.apis:
        assert api.kill(downtime=_DOWNTIME)
    held.release()
    await stack.all_up()
    assert await held.result() == DELIVERED


async def test_what_ended_long_ago_is_forgotten_and_nothing_else(stack: ChaosStack, project: Project) -> None:
    """By the reconciliation, as the settings of these loops say."""
    old, young = [await project.invoke("double", number=number) for number in (1, 2)]
    for invocation_id in (old, young):
        await project.ended("double", invocation_id)
    async with stack.database.statement() as connection:
        await connection.execute(
            text(
                "UPDATE invocations SET last_update_time = last_update_time - interval '31 days'"
                " WHERE invocation_id = :id"
            ),
            {"id": old},
        )
    await repairs(stack.client)
    invocations = f"/projects/{project.name}/versions/latest/functions/double/invocations"
    answer: httpx2.Response = await project.http.get(f"{invocations}/{old}")
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "An invocation with this ID does not exist for this function"},
    )
    assert (await project.get("double", young))["executions"][0]["outcome"] == "SUCCEEDED"


async def rows(stack: ChaosStack) -> dict[str, Any]:
    """How much of everything there is, and what anybody asked to end."""
    while True:
        try:
            return await _rows(stack)
        except CatalogIsAway:  # our own connections are those of the dead server
            await asyncio.sleep(0.1)


async def _rows(stack: ChaosStack) -> dict[str, Any]:
    counts = {}
    async with stack.database.statement() as connection:
        for table in ("projects", "versions", "functions", "invocations", "executions"):
            counts[table] = await connection.scalar(text(f"SELECT count(*) FROM {table}"))
        for table, column in (("projects", "deletion_request_time"), ("invocations", "cancellation_request_time")):
            counts[column] = await connection.scalar(text(f"SELECT count({column}) FROM {table}"))
    return counts


async def test_a_schedule_misses_and_doubles_no_time_while_servers_are_killed(
    stack: ChaosStack, project: Project, show: Show
) -> None:
    """`make schedules-chaos` does so for a minute."""
    calls = await call_while_servers_die(stack, project, seconds=8.0, pause=2.5)
    show(f"schedule: {calls.summary()}")
    assert calls.kills >= 3
    assert calls.problems() == []
