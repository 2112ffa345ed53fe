"""A whole stack on the stand-in for AWS that serves its metrics and sends its spans."""

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from control_plane.access.local_stacks import StackAccess
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.cli.stack.ports import free_ports
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.orchestration.payloads import data_converter
from environment.provisioner_names import ProvisionerName
from tests.aws.control import Control
from tests.aws.process import running_stand_in
from tests.cli.stacks import Ports, dev
from tests.e2e.project import Project
from tests.observability.collector import Collector, collecting

FUNCTIONS = Path(__file__).parent / "functions"
IMAGE = "registry.example.com/observed:1"
NewProject = Callable[[], Project]
# By Prometheus's job.
METRICS_PORTS = {
    "control-plane-api": "CONTROL_PLANE_API_METRICS_PORT",
    "control-plane-api-temporal": "CONTROL_PLANE_API_TEMPORAL_METRICS_PORT",
    "control-plane-loop": "CONTROL_PLANE_LOOP_METRICS_PORT",
    "control-plane-loop-temporal": "CONTROL_PLANE_LOOP_TEMPORAL_METRICS_PORT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """`metrics_ports`: by job."""

    stack: StackAccess
    folder: DataFolder
    aws: Control
    spans: Collector
    metrics_ports: dict[str, int]


@pytest.fixture(scope="package")
async def observed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Observed]:
    folder = tmp_path_factory.mktemp("observed") / "data"
    metrics_ports = dict(zip(METRICS_PORTS, free_ports(len(METRICS_PORTS)), strict=True))
    async with running_stand_in() as aws:
        await aws.control.register_image(IMAGE, FUNCTIONS)
        with collecting() as spans:
            environment = {
                **aws.environment,
                **{METRICS_PORTS[job]: str(port) for job, port in metrics_ports.items()},
                "CONTROL_PLANE_STOP_GRACE_SECONDS": "3",
                "OTEL_EXPORTER_OTLP_ENDPOINT": spans.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "100",
            }
            async with dev(folder, Ports.free(), provisioner=ProvisionerName.ECS, **environment) as it:
                yield Observed(
                    stack=await it.ready(),
                    folder=it.folder,
                    aws=aws.control,
                    spans=spans,
                    metrics_ports=metrics_ports,
                )


@pytest.fixture
async def temporal(observed: Observed) -> Client:
    return await Client.connect(observed.stack.temporal_address, data_converter=data_converter)


@pytest.fixture
async def catalog(observed: Observed) -> AsyncIterator[Database]:
    settings = await EmbeddedPostgres(observed.folder.postgres).start()  # finds the one that runs
    database = Database(settings.url)
    yield database
    await database.close()


_NUMBERS = itertools.count(1)


@pytest.fixture
async def new_project(observed: Observed) -> AsyncIterator[NewProject]:
    projects: list[Project] = []

    def make() -> Project:
        projects.append(Project(observed.stack, f"observed-{next(_NUMBERS)}", image=lambda _: IMAGE))
        return projects[-1]

    yield make
    for project in projects:
        await project.http.aclose()
