"""The real Temporal server."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from activities.search_attributes import register_search_attributes
from tests.temporal import open_temporal


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    async with open_temporal() as client:
        await register_search_attributes(client)
        yield client
