"""Fixtures of all tests: the real Postgres, embedded or the one that POSTGRES_HOST names."""

import gc
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.migrations.migrate import upgrade_to_head
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from environment.settings import PostgresSettings
from tests.figures import PROPERTY, Show
from tests.prepared_catalogs import prepare_catalog, share_prepared_catalogs

CATALOG = f"catalog_test_{os.getpid()}"


@pytest.fixture(scope="session")
async def postgres_server() -> AsyncIterator[PostgresSettings]:
    """A server to make databases on, with a user who may."""
    if os.environ.get("POSTGRES_HOST"):
        yield PostgresSettings()
        return
    with tempfile.TemporaryDirectory(prefix="cp-pg-") as folder:
        await prepare_catalog(Path(folder) / "data")
        server = EmbeddedPostgres(Path(folder) / "data")
        yield await server.start()
        await server.stop()


@pytest.fixture(scope="session")
async def postgres_settings(postgres_server: PostgresSettings) -> AsyncIterator[PostgresSettings]:
    """A database of this test run's own, without tables."""
    admin = create_async_engine(postgres_server.url, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f'CREATE DATABASE "{CATALOG}"'))
    yield postgres_server.model_copy(update={"db": CATALOG})
    async with admin.connect() as connection:
        await connection.execute(text(f'DROP DATABASE "{CATALOG}" WITH (FORCE)'))
    await admin.dispose()


@pytest.fixture(scope="session")
async def migrated_database(postgres_settings: PostgresSettings) -> AsyncIterator[Database]:
    database = Database(postgres_settings.url)
    await upgrade_to_head(database)
    yield database
    await database.close()


@pytest.fixture
async def database(migrated_database: Database) -> AsyncIterator[Database]:
    """The migrated catalog, empty again after the test, and as if no Temporal had worked for it."""
    yield migrated_database
    async with migrated_database.statement() as connection:
        await connection.execute(text("DELETE FROM projects"))  # of few rows: TRUNCATE makes files for each table
        await connection.execute(text("UPDATE installation SET namespace_id = NULL, mass_endings_allowed_until = NULL"))


@pytest.fixture
def show(record_property: Callable[[str, object], None]) -> Show:
    """Shows a figure at the end of the run, whether the test passes or not."""
    return lambda line: record_property(PROPERTY, line)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--platforms", default="process", help="provisioners that tests/e2e runs on, comma separated")


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # all that is collected is kept: to look through it meanwhile is a third of the time that it takes
    config.add_cleanup(share_prepared_catalogs())
    config.addinivalue_line("markers", "platforms(*names): the test is about these provisioners only")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
