"""The API over ASGI on the real Postgres. Temporal is away unless a test brings it: every submit must do without."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client

from api.app import create_app
from api.events.streams import EventStreams
from api.long_polls import LongPolls
from api.orchestration import Orchestrator
from api.results.service import Results
from api.services import Services
from api.warm_polls import WarmPolls
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import (
    INVOCATIONS_CHANNEL,
    WARM_CONTAINERS_CHANNEL,
    NotificationListener,
)
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.orchestration.namespace_link import NamespaceLink
from control_plane_server.orchestration.payloads import data_converter
from control_plane_server.provisioners.process.provisioner import ProcessProvisioner
from environment.settings import PostgresSettings
from tests.api.builders import ROOT_KEYS, SECRETS_KEYS, bearer
from tests.api.container_log import ContainerLog

# The port of tcpmux: nothing of ours, and nothing on a test machine, listens there.
NOBODY = "127.0.0.1:1"


@pytest.fixture
async def services(database: Database, postgres_settings: PostgresSettings, tmp_path: Path) -> AsyncIterator[Services]:
    async with NotificationListener(postgres_settings.url, [INVOCATIONS_CHANNEL, WARM_CONTAINERS_CHANNEL]) as listener:
        provisioner = ProcessProvisioner(
            data_dir=tmp_path, api_url="http://127.0.0.1:1", stop_grace=timedelta(seconds=1)
        )
        temporal = await Client.connect(NOBODY, lazy=True, data_converter=data_converter)
        yield Services(
            root_keys=ROOT_KEYS,
            secret_keys=SecretKeys(SECRETS_KEYS[:1]),
            database=database,
            orchestrator=Orchestrator(temporal, link=NamespaceLink(temporal, database)),
            provisioner=provisioner,
            long_polls=LongPolls(database, listener),
            event_streams=EventStreams(database, listener, provisioner),
            results=Results(database, listener),
            warm_polls=WarmPolls(database, listener),
        )


@pytest.fixture
async def anonymous(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a key."""
    transport = httpx2.ASGITransport(app=create_app(services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


@pytest.fixture
async def client(anonymous: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """A client with the first root key."""
    anonymous.headers.update(bearer(ROOT_KEYS[0]))
    return anonymous


@pytest.fixture
def log(tmp_path: Path) -> ContainerLog:
    return ContainerLog(tmp_path)
