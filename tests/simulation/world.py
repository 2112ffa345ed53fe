"""Everything that a simulation runs in: real but for the containers, and the API in process."""

import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpx2
from pydantic import SecretStr
from temporalio.client import Client

from api.app import create_app
from api.composition import Services
from api.events.streams import EventStreams
from api.long_polls import LongPolls
from api.orchestration import Orchestrator
from catalog.database import Database
from catalog.notifications import INVOCATIONS_CHANNEL, NotificationListener
from domain.identifiers import FunctionName
from environment.settings import ControlPlaneSettings
from environment.temporal_link import TemporalLink
from tests.simulation.client import ApiClient, Json
from tests.simulation.containers import Fleet
from tests.simulation.loops import LoopMaker, Loops
from tests.simulation.simulation import Simulation
from tests.simulation.steps import Steps

_FUNCTIONS = 6
_STOP_GRACE_SECONDS = 1.5
_ROOT_KEY = "root-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    project_name: str
    simulation: Simulation
    fleet: Fleet
    temporal: Client


@asynccontextmanager
async def open_world(*, seed: int, database: Database, temporal: Client) -> AsyncIterator[World]:
    """A project whose functions are READY, and one loop."""
    rng = random.Random(seed)
    project_name = f"seed-{seed}"
    functions = random_functions(rng)
    settings = ControlPlaneSettings(api_key=SecretStr(_ROOT_KEY), stop_grace_seconds=_STOP_GRACE_SECONDS)
    fleet = Fleet(stop_grace=settings.stop_grace)
    maker = LoopMaker(
        temporal_address=temporal.service_client.config.target_host,
        postgres=database.url,
        provisioner=fleet,
        settings=settings,
    )
    async with (
        NotificationListener(database.url, [INVOCATIONS_CHANNEL]) as listener,
        _http(fleet, database=database, temporal=temporal, listener=listener) as http,
        aclosing(Loops(maker)) as loops,
    ):
        api = ApiClient(http, project_name)
        await loops.start()
        await api.deploy(functions)
        steps = Steps(
            rng=rng,
            api=api,
            temporal=temporal,
            fleet=fleet,
            loops=loops,
            functions=[FunctionName(str(function["function_name"])) for function in functions],
        )
        simulation = Simulation(rng=rng, steps=steps, fleet=fleet, loops=loops, database=database)
        yield World(project_name=project_name, simulation=simulation, fleet=fleet, temporal=temporal)


def random_functions(rng: random.Random) -> list[Json]:
    """Limits of 1 to 3, up to two retries; every third function is soon out of time."""
    return [
        {
            "function_name": f"f{number}",
            "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": rng.randint(1, 3)},
            "execution_spec": {
                "max_retries": rng.randint(0, 2),
                "timeout_seconds": rng.randint(1, 2) if number % 3 == 0 else 600,
                "retry_max_interval_seconds": 1,
            },
        }
        for number in range(_FUNCTIONS)
    ]


def _http(fleet: Fleet, *, database: Database, temporal: Client, listener: NotificationListener) -> httpx2.AsyncClient:
    services = Services(
        root_keys=(_ROOT_KEY,),
        database=database,
        orchestrator=Orchestrator(temporal, link=TemporalLink(temporal, database)),
        provisioner=fleet,
        long_polls=LongPolls(database, listener),
        event_streams=EventStreams(database, listener, fleet),
    )
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=create_app(services)),
        base_url="http://api",
        headers={"Authorization": f"Bearer {_ROOT_KEY}"},
    )
