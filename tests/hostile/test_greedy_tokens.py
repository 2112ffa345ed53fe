"""Functions that are hostile to the API that serves them: the token of one execution spoils nobody else's requests."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator

import httpx2
import psutil
import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.domain.execution_tokens import execution_token
from tests.api.builders import PENDING, STARTED, add_execution, bearer, execution_id_of, invoke
from tests.figures import Show
from tests.hostile.conftest import KEY, Target
from tests.hostile.test_slow_clients import Streams, are_prompt, described, submit_times

ATTEMPTS = 51
LONGEST_OUTPUT = secrets.token_hex(125_000)[1:]  # which Postgres cannot make shorter


@pytest.fixture
async def execution(target: Target, migrated_database: Database) -> AsyncIterator[str]:
    """The path of a running execution of its own for each test."""
    async with target.client() as client:
        yield await add_execution(migrated_database, await invoke(client, target.deployed.invocations()), STARTED)


def token_of(execution: str) -> str:
    return execution_token(KEY, execution_id_of(execution))


async def ask(target: Target, execution: str, path: str) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {token_of(execution)}\r\n\r\n".encode())
    return reader, writer


async def close(connections: list[Streams]) -> None:
    for _, writer in connections:
        writer.transport.abort()
    for _, writer in connections:
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize("query", ["", "?wait_seconds=2"])
async def test_answers_that_nobody_reads_are_few(
    target: Target, execution: str, migrated_database: Database, show: Show, query: str
) -> None:
    invocation = execution.partition("/executions")[0]
    for attempt in range(2, ATTEMPTS + 1):
        await add_execution(migrated_database, invocation, PENDING, attempt=attempt)
    async with migrated_database.statement() as connection:
        await connection.execute(
            text("UPDATE executions SET output = repeat('x', 249999) WHERE invocation_id = :id"),
            {"id": invocation.rsplit("/", 1)[1]},
        )
    process = psutil.Process(target.pid)
    before = process.memory_info().rss
    unread = [await ask(target, execution, invocation + query) for _ in range(60)]
    first_lines = [asyncio.create_task(reader.readline()) for reader, _ in unread]
    try:
        async with asyncio.timeout(30):
            while sum(line.done() for line in first_lines) < 4:
                await asyncio.wait(first_lines, timeout=0.1)
        times = await submit_times(target, submits=20)
        grown = process.memory_info().rss - before
        show(f"60 unread answers of 12.8 MB{query}: {grown / 2**20:.0f} MiB more; others' {described(times)}")
        assert grown < 250 * 2**20
        assert are_prompt(times)
    finally:
        for line in first_lines:
            line.cancel()
        await asyncio.gather(*first_lines, return_exceptions=True)
        await close(unread)


async def test_a_token_has_a_bounded_number_of_streams(target: Target, execution: str, show: Show) -> None:
    events = f"{execution.partition('/executions')[0]}/events"
    streams = [await ask(target, execution, events) for _ in range(200)]
    try:
        async with asyncio.timeout(30):
            statuses = [(await reader.readline()).split()[1] for reader, _ in streams]
        times = await submit_times(target, submits=20)
        show(
            f"200 streams of one token: {statuses.count(b'200')} are served, {statuses.count(b'429')} refused; "
            f"others' {described(times)}"
        )
        assert (statuses.count(b"200"), statuses.count(b"429")) == (32, 168)
        assert are_prompt(times)
    finally:
        await close(streams)


async def test_progress_at_full_speed_is_made_slower(
    target: Target, execution: str, migrated_database: Database, show: Show
) -> None:
    """And never fails: containers of before know of no limit."""
    answers: list[int] = []

    async def report(client: httpx2.AsyncClient) -> None:
        while True:
            body = {"latest_output": LONGEST_OUTPUT}
            answers.append((await client.put(f"{execution}/update", json=body)).status_code)

    async def written() -> int:
        async with migrated_database.statement() as connection:
            return int(await connection.scalar(text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")) or 0)

    async with httpx2.AsyncClient(base_url=target.url, headers=bearer(token_of(execution)), trust_env=False) as client:
        before, began = await written(), time.monotonic()
        reporters = [asyncio.create_task(report(client)) for _ in range(4)]
        times: list[float] = []
        while time.monotonic() - began < 4:
            times += await submit_times(target, submits=5)
        seconds, bytes_written = time.monotonic() - began, await written() - before
        for reporter in reporters:
            reporter.cancel()
        await asyncio.gather(*reporters, return_exceptions=True)
    show(
        f"progress of 250 kB at full speed: {len(answers) / seconds:.1f} reports and "
        f"{bytes_written / seconds / 1e6:.1f} MB of WAL a second; others' {described(times)}"
    )
    assert answers
    assert set(answers) == {200}
    assert len(answers) < 8 + 4 * seconds
    assert are_prompt(times)
