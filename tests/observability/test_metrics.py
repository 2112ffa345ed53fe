"""Where metrics are served: on the ports that were asked for, and nowhere else."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import event

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.ports import free_ports
from control_plane_server.telemetry.metrics import serve_metrics, temporal_runtime
from environment.metrics_settings import MetricsAddress, MetricsSettings
from environment.settings import PostgresSettings
from tests.factories import insert_function, insert_invocation

NOWHERE = MetricsAddress(host="127.0.0.1", port=None, temporal_port=None)


@pytest.fixture
def address() -> MetricsAddress:
    (port,) = free_ports(1)
    return replace(NOWHERE, port=port)


async def scrape(address: MetricsAddress) -> str:
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        answer = await http.get(f"http://127.0.0.1:{address.port}/metrics")
    assert answer.status_code == 200
    return answer.text


async def test_the_catalog_is_asked_once_however_many_scrape(address: MetricsAddress, database: Database) -> None:
    function = await insert_function(database)
    await insert_invocation(database, function)
    statements: list[str] = []
    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    async with serve_metrics(address, database):
        answers = await asyncio.gather(*(scrape(address) for _ in range(5)))
    line = f'control_plane_invocations_running{{function="double",project="{function.project_name}"}} 1.0'
    assert all(line in answer.splitlines() for answer in answers)
    assert len(statements) == 1
    with pytest.raises(httpx2.ConnectError):
        await scrape(address)


async def test_an_absent_catalog_is_told_and_all_else_is_there(
    address: MetricsAddress, postgres_settings: PostgresSettings
) -> None:
    away = Database(postgres_settings.model_copy(update={"host": "127.0.0.1", "port": 1}).url)
    async with serve_metrics(address, away):
        answer = await scrape(address)
    assert "control_plane_catalog_up 0.0" in answer
    assert "process_cpu_seconds_total" in answer
    await away.close()


async def test_without_a_port_there_is_no_server_and_no_thread(database: Database) -> None:
    before = set(threading.enumerate())
    assert temporal_runtime(NOWHERE) is None
    async with serve_metrics(NOWHERE, database):
        assert set(threading.enumerate()) <= before


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("kind", ["METRICS_PORT", "TEMPORAL_METRICS_PORT"])
@pytest.mark.parametrize(
    ("module", "name"), [("control_plane_server.processes.api", "API"), ("control_plane_server.processes.loop", "LOOP")]
)
def test_a_port_that_is_taken_ends_the_start(taken: int, module: str, name: str, kind: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "CONTROL_PLANE_API_KEY": "key",
        "POSTGRES_DB": "nowhere",
        "POSTGRES_USER": "nobody",
        f"CONTROL_PLANE_{name}_{kind}": str(taken),
    }
    refused = subprocess.run(
        [sys.executable, "-m", module, "--provisioner=process"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    (line,) = [line for line in refused.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith(f"metrics cannot be served on 127.0.0.1 port {taken}: ")
    assert "Address already in use" in line


def test_processes_have_settings_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROL_PLANE_METRICS_HOST", "::1")
    monkeypatch.setenv("CONTROL_PLANE_API_METRICS_PORT", "9464")
    monkeypatch.setenv("CONTROL_PLANE_LOOP_METRICS_PORT", "")
    settings = MetricsSettings()
    assert settings.of_api == MetricsAddress(host="::1", port=9464, temporal_port=None)
    assert settings.of_loop == MetricsAddress(host="::1", port=None, temporal_port=None)
