"""A whole control plane that is real but for its containers; the API in process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx2
from pydantic import SecretStr
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
from control_plane_server.orchestration.namespace_link import NamespaceLink
from environment.settings import ControlPlaneSettings
from tests.simulation.client import ApiClient, Json
from tests.simulation.containers import Fleet
from tests.simulation.loops import LoopMaker, Loops

_ROOT_KEY = "root-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    project_name: str
    api: ApiClient
    fleet: Fleet
    loops: Loops
    database: Database
    temporal: Client


@asynccontextmanager
async def open_control_plane(
    project_name: str,
    functions: Sequence[Json],
    *,
    database: Database,
    temporal: Client,
    max_concurrent_executions: int = 3_000,
    stop_grace_seconds: float = 1.5,
) -> AsyncIterator[ControlPlane]:
    """A project whose functions are READY, and one loop. `max_concurrent_executions`: of each loop."""
    settings = ControlPlaneSettings(
        api_key=SecretStr(_ROOT_KEY),
        stop_grace_seconds=stop_grace_seconds,
        max_concurrent_executions=max_concurrent_executions,
    )
    fleet = Fleet(stop_grace=settings.stop_grace)
    maker = LoopMaker(
        temporal_address=temporal.service_client.config.target_host,
        postgres=database.url,
        provisioner=fleet,
        settings=settings,
    )
    async with (
        NotificationListener(database.url, [INVOCATIONS_CHANNEL, WARM_CONTAINERS_CHANNEL]) as listener,
        _http(fleet, database=database, temporal=temporal, listener=listener) as http,
        aclosing(Loops(maker)) as loops,
    ):
        api = ApiClient(http, project_name)
        await loops.start()
        await api.deploy(functions)
        yield ControlPlane(
            project_name=project_name, api=api, fleet=fleet, loops=loops, database=database, temporal=temporal
        )


def _http(fleet: Fleet, *, database: Database, temporal: Client, listener: NotificationListener) -> httpx2.AsyncClient:
    services = Services(
        root_keys=(_ROOT_KEY,),
        database=database,
        orchestrator=Orchestrator(temporal, link=NamespaceLink(temporal, database)),
        provisioner=fleet,
        long_polls=LongPolls(database, listener),
        event_streams=EventStreams(database, listener, fleet),
        results=Results(database, listener),
        warm_polls=WarmPolls(database, listener, patience=timedelta()),  # nothing waits in a step
    )
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=create_app(services)),
        base_url="http://api",
        headers={"Authorization": f"Bearer {_ROOT_KEY}"},
    )
