"""The real Temporal server, with nothing in it: every `loop` sees to what it needs."""

import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from control_plane_server.orchestration.payloads import data_converter


@asynccontextmanager
async def open_temporal(*namespaces: str) -> AsyncIterator[Client]:
    """With these namespaces besides the default one."""
    async with await WorkflowEnvironment.start_local(
        data_converter=data_converter,
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
        dev_server_extra_args=[part for name in namespaces for part in ("--namespace", name)],
    ) as environment:
        yield environment.client
