"""The console as a browser sees it, one that runs no scripts."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from api.app import create_app
from api.services import Services
from tests.api.builders import ROOT_KEYS, bearer
from tests.api.console.browser import log_in

HOST = "console.test"


@pytest.fixture
async def visitor(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    """Nobody has logged in yet."""
    transport = httpx2.ASGITransport(app=create_app(services, has_console=True))
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        yield client


@pytest.fixture
async def browser(visitor: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Somebody has logged in with the first root key."""
    await log_in(visitor, ROOT_KEYS[0])
    return visitor


@pytest.fixture
async def client(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the REST API, with the first root key."""
    transport = httpx2.ASGITransport(app=create_app(services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as client:
        yield client
