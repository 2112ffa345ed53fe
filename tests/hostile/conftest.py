"""The `api` process with the real PostgreSQL and the real Temporal, and something in its catalog to be hostile to."""

import asyncio
import os
import sys
import sysconfig
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text, update
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import register_search_attributes
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.cli.stack.ports import free_ports
from control_plane_server.cli.stack.readiness import wait_until_api_answers
from control_plane_server.orchestration.payloads import data_converter
from environment.settings import PostgresSettings
from tests.api.builders import (
    DEAD,
    FINISHED,
    PENDING,
    STARTED,
    Deployed,
    add_execution,
    bearer,
    deploy,
    function_spec,
    invoke,
)

KEY = "hostile-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running API, where it listens and what it says; a project that has everything, and what is in it. The last
    execution has ended, and its invocation with it."""

    url: str
    port: int
    pid: int
    log: Path
    deployed: Deployed
    executions: tuple[str, ...]

    def client(self, **options: Any) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, headers=bearer(KEY), trust_env=False, **options)


@pytest.fixture(scope="package")
async def temporal_address() -> AsyncIterator[str]:
    async with await WorkflowEnvironment.start_local(
        data_converter=data_converter,
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
    ) as environment:
        await register_search_attributes(environment.client)
        yield environment.client.service_client.config.target_host


@pytest.fixture(scope="package")
async def target(
    postgres_settings: PostgresSettings,
    migrated_database: Database,
    temporal_address: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Target]:
    folder = tmp_path_factory.mktemp("api")
    (port,) = free_ports(1)
    url, log = f"http://127.0.0.1:{port}", folder / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "control_plane_server.processes.api", "--provisioner=process", f"--port={port}"),
            env=_environment(postgres_settings, temporal_address, folder),
            stderr=output,
        )
    try:
        await wait_until_api_answers(url)
        async with httpx2.AsyncClient(base_url=url, headers=bearer(KEY), trust_env=False, timeout=60) as client:
            # A name that no request made from the document deletes, in whatever file's tests.
            deployed = await deploy(client, function_spec("f"), function_spec("g"), project=f"target-{uuid4().hex}")
            invocations = [await invoke(client, deployed.invocations()) for _ in range(4)]
        executions = [
            await add_execution(migrated_database, invocation, state)
            for invocation, state in zip(invocations, (PENDING, STARTED, FINISHED, {**FINISHED, **DEAD}), strict=True)
        ]
        async with migrated_database.statement() as connection:
            await connection.execute(
                update(InvocationRow)
                .where(InvocationRow.invocation_id == invocations[-1].rsplit("/", 1)[1])
                .values(status="TERMINATED")
            )
        yield Target(url=url, port=port, pid=process.pid, log=log, deployed=deployed, executions=tuple(executions))
        assert process.returncode is None
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        async with migrated_database.statement() as connection:
            await connection.execute(text("TRUNCATE projects CASCADE"))


def _environment(settings: PostgresSettings, temporal_address: str, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "CONTROL_PLANE_API_KEY": KEY,
        "CONTROL_PLANE_DATA_DIR": str(folder),
        "CONTROL_PLANE_BLOBS_URL": (folder / "blobs").as_uri(),
        "CONTROL_PLANE_SECRETS_KEYS": Fernet.generate_key().decode(),
        "POSTGRES_HOST": settings.host,
        "POSTGRES_PORT": str(settings.port),
        "POSTGRES_DB": settings.db,
        "POSTGRES_USER": settings.user,
        "POSTGRES_PASSWORD": settings.password.get_secret_value(),
        "TEMPORAL_ADDRESS": temporal_address,
    }
