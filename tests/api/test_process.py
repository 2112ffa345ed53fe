"""The `api` process itself: its start without anything, its end, its refusals."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.ports import free_ports
from control_plane_server.domain.execution_tokens import container_token
from environment.settings import PostgresSettings
from tests.api.builders import deploy, invoke
from tests.api.conftest import NOBODY
from tests.catalog.warm_containers.warm import Warm

KEY = "process-key"


class Api:
    def __init__(self, process: asyncio.subprocess.Process, client: httpx2.AsyncClient) -> None:
        self.process = process
        self.client = client

    async def answers(self, path: str, status: int) -> httpx2.Response:
        """Ask until this is the answer; fails if the process ends instead."""
        while True:
            assert self.process.returncode is None
            try:
                response = await self.client.get(path)
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
                continue
            if response.status_code == status:
                return response
            await asyncio.sleep(0.05)


def environment(settings: PostgresSettings, **additions: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "CONTROL_PLANE_API_KEY": KEY,
        "POSTGRES_HOST": settings.host,
        "POSTGRES_PORT": str(settings.port),
        "POSTGRES_DB": settings.db,
        "POSTGRES_USER": settings.user,
        "POSTGRES_PASSWORD": settings.password.get_secret_value(),
        "TEMPORAL_ADDRESS": NOBODY,
    } | additions


async def start(*arguments: str, variables: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "control_plane_server.processes.api",
        *arguments,
        env=variables,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def api(settings: PostgresSettings, *arguments: str, **variables: str) -> AsyncIterator[Api]:
    (port,) = free_ports(1)
    process = await start(
        "--provisioner=process", f"--port={port}", *arguments, variables=environment(settings, **variables)
    )
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        try:
            yield Api(process, client)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


@pytest.fixture
async def late_settings(postgres_settings: PostgresSettings) -> AsyncIterator[PostgresSettings]:
    """A database that does not exist; dropped afterwards if it does by then."""
    name = f"{postgres_settings.db}_api"
    yield postgres_settings.model_copy(update={"db": name})
    await on(postgres_settings, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def on(settings: PostgresSettings, statement: str) -> None:
    database = Database(settings.url)
    try:
        async with database.statement() as connection:
            await connection.execute(text(statement))
    finally:
        await database.close()


async def test_it_starts_alone_recovers_by_itself_and_ends_in_order(
    postgres_settings: PostgresSettings, late_settings: PostgresSettings
) -> None:
    async with api(late_settings, "--create-tables", "--delete-tables") as running:
        await running.answers("/", 200)
        away = await running.answers("/projects", 503)
        assert away.json() == {"detail": "The service is temporarily unavailable"}
        await on(postgres_settings, f'CREATE DATABASE "{late_settings.db}"')
        # Migrations come one after the other.
        while (await running.client.get("/health/ready")).json()["postgres"] != "ok":
            await asyncio.sleep(0.05)
        await running.answers("/projects", 200)

        invocation = await invoke(running.client, (await deploy(running.client)).invocations())
        wait = asyncio.create_task(running.client.get(invocation, params={"wait_seconds": 60}))
        await running.client.get(invocation, params={"wait_seconds": 1})
        poll = await asked_for_the_next(running, late_settings)
        running.process.send_signal(signal.SIGTERM)
        assert (await wait).json()["invocation_status"] == "RUNNING"
        assert (await poll).json() == {"lease": None, "stop": False, "end": False}
        async with asyncio.timeout(15):
            assert await running.process.wait() == 0
    database = Database(late_settings.url)
    async with database.statement() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0
    await database.close()


async def asked_for_the_next(running: Api, settings: PostgresSettings) -> asyncio.Task[httpx2.Response]:
    """What an idle container waits for by now."""
    database = Database(settings.url)
    warm = await Warm.begin(database)
    container_id = await warm.idle()
    await warm.change(container_id, heard_time=None)
    headers = {"Authorization": f"Bearer {container_token(KEY, container_id)}"}
    poll = asyncio.create_task(running.client.post(f"/containers/{container_id}/next", json={}, headers=headers))
    while (await warm.row(container_id)).heard_time is None:
        await asyncio.sleep(0.05)
    await database.close()
    return poll


async def test_a_request_that_is_on_its_way_when_the_end_begins_is_answered(
    postgres_settings: PostgresSettings, migrated_database: Database
) -> None:
    async with api(postgres_settings) as running:
        await running.answers("/projects", 200)
        host, port = running.client.base_url.host, running.client.base_url.port
        reader, writer = await asyncio.open_connection(host, port)
        await running.answers("/projects", 200)  # so that the connection above has been accepted
        running.process.send_signal(signal.SIGSTOP)
        late_reader, late_writer = await asyncio.open_connection(host, port)  # by the system: nobody accepts it
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGCONT)
        while await is_listening(host, port):
            await asyncio.sleep(0.01)
        for stream in (writer, late_writer):
            stream.write(f"GET /projects HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
        for answer in (await reader.read(), await late_reader.read()):
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" in answer
        for stream in (writer, late_writer):
            stream.close()
        async with asyncio.timeout(15):
            assert await running.process.wait() == 0


async def is_listening(host: str, port: int | None) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
async def test_the_process_provisioner_is_not_for_the_network(postgres_settings: PostgresSettings, host: str) -> None:
    process = await start("--provisioner=process", f"--host={host}", variables=environment(postgres_settings))
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().startswith("--host: ")
    assert errors.count(b"\n") == 1


async def test_missing_settings_are_named_one_a_line(postgres_settings: PostgresSettings) -> None:
    process = await start("--provisioner=process", variables={"PATH": os.environ["PATH"], "POSTGRES_PORT": "x"})
    _, errors = await process.communicate()
    assert process.returncode == 2
    names = [line.partition(":")[0] for line in errors.decode().splitlines()]
    assert names == ["CONTROL_PLANE_API_KEY", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER"]
