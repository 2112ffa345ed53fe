"""Streams of invocations whose logs are slow, or cannot be read at all: they end, and say so if lines are missing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import httpx2
import pytest

from api import execution_logs
from api.app import create_app
from api.events.logs import LogPatience
from api.events.streams import EventStreams
from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from control_plane_server.domain.containers import FIRST_LINE, LogPage, LogStart
from control_plane_server.domain.entities import ContainerDetails
from control_plane_server.domain.errors import Unavailable
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner
from environment.settings import PostgresSettings
from tests.api.builders import ROOT_KEYS, bearer, deploy, invoke
from tests.api.event_streams import ServerSent, events_of
from tests.api.test_events import FAILED, SUCCEEDED, InvocationRecord

MISSING = "[control-plane] The log cannot be read now"
QUICK = LogPatience(of_poll=timedelta(seconds=0.05), of_stream=timedelta(seconds=0.3))
LASTING = replace(QUICK, of_stream=timedelta(seconds=20))  # of whoever must not give up, on a slow machine either

BeforeReading = Callable[[int], Awaitable[None]]


class Follow(Protocol):
    async def __call__(self, before_reading: BeforeReading, log_patience: LogPatience = ...) -> list[ServerSent]: ...


class SlowProvisioner(ProcessProvisioner):
    """Reads a log after this, which is told how many reads there were."""

    before_reading: BeforeReading
    reads = 0

    async def read_logs(
        self, details: ContainerDetails, offset: str | None, max_lines: int, *, start: LogStart = FIRST_LINE
    ) -> LogPage:
        self.reads += 1
        await self.before_reading(self.reads)
        return await super().read_logs(details, offset, max_lines, start=start)


async def throttled(_: int) -> None:
    raise Unavailable("throttled")


async def stuck(_: int) -> None:
    await asyncio.Event().wait()


async def sluggish(_: int) -> None:
    await asyncio.sleep(3 * QUICK.of_poll.total_seconds())


async def recovering(reads: int) -> None:
    if reads < 3:
        raise Unavailable("throttled")


@pytest.fixture
async def record(client: httpx2.AsyncClient, database: Database, tmp_path: Path) -> InvocationRecord:
    """Two attempts, the last one with more lines than a page has."""
    record = InvocationRecord(database, await invoke(client, (await deploy(client)).invocations()), tmp_path)
    await record.attempt(FAILED, lines=3)
    await record.attempt(SUCCEEDED, lines=260)
    await record.set(status="TERMINATED")
    return record


@pytest.fixture
def follow(services: Services, record: InvocationRecord, postgres_settings: PostgresSettings, tmp_path: Path) -> Follow:
    async def follow(before_reading: BeforeReading, log_patience: LogPatience = LASTING) -> list[ServerSent]:
        provisioner = SlowProvisioner(data_dir=tmp_path, api_url="http://127.0.0.1:1", stop_grace=timedelta(seconds=1))
        provisioner.before_reading = before_reading
        async with NotificationListener(postgres_settings.url, [INVOCATIONS_CHANNEL]) as listener:
            streams = EventStreams(services.database, listener, provisioner, log_patience=log_patience)
            transport = httpx2.ASGITransport(app=create_app(replace(services, event_streams=streams)))
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])
            ) as one:
                async with asyncio.timeout(30):
                    return await events_of(one, record.invocation)

    return follow


def lines_of(events: list[ServerSent]) -> list[object]:
    return [event.data["line"] for event in events if event.name == "log"]


@pytest.mark.parametrize("before_reading", [throttled, stuck])
async def test_a_log_that_cannot_be_read_is_said_to_be_incomplete(
    follow: Follow, before_reading: BeforeReading
) -> None:
    events = await follow(before_reading, QUICK)
    assert [str(line)[: len(MISSING)] for line in lines_of(events)] == [MISSING] * 2, "once for each attempt"
    for place, event in enumerate(events):
        if event.name == "log":
            assert events[place + 1].data["worker_status"] == "TERMINATED"
    assert events[-1].name == "end"


async def test_a_page_that_takes_longer_than_a_look_is_told_whole_and_read_once(follow: Follow) -> None:
    reads = 0

    async def counted(count: int) -> None:
        nonlocal reads
        reads = count
        await sluggish(count)

    events = await follow(counted)
    assert lines_of(events) == [f"line {n}" for n in range(3)] + [f"line {n}" for n in range(260)]
    assert events[-1].name == "end"
    assert reads == 5, "of the first log its lines and its end; of the other two pages and its end"


async def test_a_log_that_can_be_read_again_is_told_whole(follow: Follow) -> None:
    events = await follow(recovering)
    assert lines_of(events) == [f"line {n}" for n in range(3)] + [f"line {n}" for n in range(260)]


async def test_a_process_serves_a_bounded_number_of_streams(
    services: Services, record: InvocationRecord, postgres_settings: PostgresSettings
) -> None:
    async with NotificationListener(postgres_settings.url, [INVOCATIONS_CHANNEL]) as listener:
        streams = EventStreams(services.database, listener, services.provisioner, max_streams=0)
        transport = httpx2.ASGITransport(app=create_app(replace(services, event_streams=streams)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as one:
            answer = await one.get(f"{record.invocation}/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_a_page_that_does_not_come_is_an_answer_all_the_same(
    services: Services, record: InvocationRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution_logs, "_LOG_PATIENCE", timedelta(seconds=0.05))
    provisioner = SlowProvisioner(data_dir=tmp_path, api_url="http://127.0.0.1:1", stop_grace=timedelta(seconds=1))
    provisioner.before_reading = stuck
    transport = httpx2.ASGITransport(app=create_app(replace(services, provisioner=provisioner)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as one:
        summaries = (await one.get(record.invocation)).json()["executions"]
        answer = await one.get(f"{record.invocation}/executions/{summaries[0]['execution_id']}/logs")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
