"""The real Temporal server, with nothing in it but what every `loop` sees to."""

import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from activities.schedule import schedule_reconciliation
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import register_search_attributes


@asynccontextmanager
async def open_temporal() -> AsyncIterator[Client]:
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
    ) as environment:
        await register_search_attributes(environment.client)
        await schedule_reconciliation(environment.client)
        yield environment.client
