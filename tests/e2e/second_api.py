"""Another `api` beside a stack's own, with other keys for secrets."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from control_plane.access.local_stacks import StackAccess
from sqlalchemy import URL

from control_plane_server.cli.stack.ports import free_ports
from control_plane_server.cli.stack.readiness import wait_until_api_answers
from tests.cli.stacks import clean_environment


@asynccontextmanager
async def second_api(stack: StackAccess, catalog: URL, keys: str, *, folder: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of it, with the stack's key."""
    (port,) = free_ports(1)
    environment = {
        "CONTROL_PLANE_API_KEY": stack.api_key,
        "CONTROL_PLANE_SECRETS_KEYS": keys,
        "CONTROL_PLANE_DATA_DIR": str(folder),
        "POSTGRES_HOST": str(catalog.query["host"]),
        "POSTGRES_PORT": str(catalog.query["port"]),
        "POSTGRES_DB": catalog.database or "",
        "POSTGRES_USER": catalog.username or "",
        "TEMPORAL_ADDRESS": stack.temporal_address,
        "TEMPORAL_NAMESPACE": stack.temporal_namespace,
    }
    with (folder / "second-api.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "control_plane_server.processes.api", "--provisioner=process"),
            f"--port={port}",
            env=clean_environment(**environment),
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        await wait_until_api_answers(url)
        headers = {"Authorization": f"Bearer {stack.api_key}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False) as http:
            yield http
    finally:
        process.terminate()
        await process.wait()
