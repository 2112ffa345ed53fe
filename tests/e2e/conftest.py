"""One whole embedded stack for all end-to-end tests, as `control-plane dev` runs it."""

import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from catalog.database import Database
from cli.stack.access import StackAccess
from cli.stack.postgres import EmbeddedPostgres
from tests.cli.stacks import Ports, dev
from tests.e2e.project import Project

STOP_GRACE_SECONDS = 3
NewProject = Callable[..., Project]


@pytest.fixture(scope="session")
def stack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack") / "data"


@pytest.fixture(scope="session")
async def stack(stack_folder: Path) -> AsyncIterator[StackAccess]:
    grace = {"CONTROL_PLANE_STOP_GRACE_SECONDS": str(STOP_GRACE_SECONDS)}
    async with dev(stack_folder, Ports.free(), **grace) as it:
        yield await it.ready()


@pytest.fixture(scope="session")
async def temporal(stack: StackAccess) -> Client:
    return await Client.connect(stack.temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture
async def catalog(stack: StackAccess, stack_folder: Path) -> AsyncIterator[Database]:
    """The stack's own catalog, for what only a fault could write."""
    settings = await EmbeddedPostgres(stack_folder / "postgres").start()  # finds the one that runs
    database = Database(settings.url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def new_project(stack: StackAccess) -> AsyncIterator[NewProject]:
    """Makes projects: each of its own, or one that is there already by its name."""
    numbers = itertools.count(1)
    projects: list[Project] = []

    def make(name: str | None = None) -> Project:
        projects.append(Project(stack, name or f"project-{next(numbers)}"))
        return projects[-1]

    yield make
    for project in projects:
        await project.http.aclose()


@pytest.fixture
def project(new_project: NewProject) -> Project:
    return new_project()
