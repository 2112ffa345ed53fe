"""One whole embedded stack for all end-to-end tests, as `control-plane dev` runs it."""

import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from control_plane.access.local_stacks import StackAccess
from temporalio.client import Client

from control_plane_server.catalog.database import Database
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.orchestration.payloads import data_converter
from environment.provisioner_names import ProvisionerName
from tests.cli.stacks import Ports, dev
from tests.e2e.platforms import Platform, open_platform
from tests.e2e.project import Project

STOP_GRACE_SECONDS = 3
NewProject = Callable[..., Project]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs on every platform that was asked for."""
    if "platform" in metafunc.fixturenames:
        names = [ProvisionerName(name) for name in metafunc.config.getoption("platforms").split(",")]
        metafunc.parametrize("platform", names, indirect=True, scope="package")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """But not on one that it is not about."""
    elsewhere = [item for item in items if _is_about_others(item)]
    items[:] = [item for item in items if item not in elsewhere]
    config.hook.pytest_deselected(items=elsewhere)


def _is_about_others(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("platforms")
    if marker is None or not isinstance(item, pytest.Function) or "platform" not in item.fixturenames:
        return False
    return item.callspec.params["platform"] not in marker.args


@pytest.fixture(scope="package")
async def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with open_platform(request.param, tmp_path_factory) as it:
        yield it


@pytest.fixture(scope="package")
def stack_folder(platform: Platform) -> Path:
    return platform.stack_folder


@pytest.fixture(scope="package")
async def stack(platform: Platform, stack_folder: Path) -> AsyncIterator[StackAccess]:
    settings = {
        "CONTROL_PLANE_STOP_GRACE_SECONDS": str(STOP_GRACE_SECONDS),
        "CONTROL_PLANE_WEBHOOK_NETWORKS": "127.0.0.0/8",
    }
    environment = {**platform.environment, **settings}
    async with dev(stack_folder, Ports.free(), provisioner=platform.provisioner, **environment) as it:
        yield await it.ready()


@pytest.fixture(scope="package")
async def temporal(stack: StackAccess) -> Client:
    return await Client.connect(stack.temporal_address, data_converter=data_converter)


@pytest.fixture
async def catalog(stack: StackAccess, stack_folder: Path) -> AsyncIterator[Database]:
    """The stack's own catalog, for what only a fault could write."""
    settings = await EmbeddedPostgres(stack_folder / "postgres").start()  # finds the one that runs
    database = Database(settings.url)
    yield database
    await database.close()


@pytest.fixture(scope="package")
async def new_project(stack: StackAccess, platform: Platform) -> AsyncIterator[NewProject]:
    """Makes projects: each of its own, or one that is there already by its name."""
    numbers = itertools.count(1)
    projects: list[Project] = []

    def make(name: str | None = None) -> Project:
        projects.append(Project(stack, name or f"project-{next(numbers)}", image=platform.image))
        return projects[-1]

    yield make
    for project in projects:
        await project.http.aclose()


@pytest.fixture
def project(new_project: NewProject) -> Project:
    return new_project()
