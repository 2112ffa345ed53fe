"""PostgreSQL with the newest schema, made once for all processes of a test run and copied from then on.

initdb and the migrations are a third of what a stack costs to start. Tests that are about a new folder do without this.
"""

import asyncio
import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.migrations.migrate import upgrade_to_head
from control_plane_server.cli.stack.postgres import EmbeddedPostgres
from control_plane_server.cli.stack.postgres_account import give, postgres_account

_FOLDER = "PREPARED_CATALOGS"


def share_prepared_catalogs() -> Callable[[], None]:
    """Have the processes that this one starts find one folder in their environment. What removes it again."""
    if _FOLDER in os.environ:
        return lambda: None
    folder = tempfile.TemporaryDirectory(prefix="cp-prepared-")
    os.environ[_FOLDER] = folder.name

    def clean_up() -> None:
        del os.environ[_FOLDER]
        folder.cleanup()

    return clean_up


async def prepare_catalog(folder: Path) -> None:
    """Make `folder` what EmbeddedPostgres would, with the schema. Nothing if it exists, or outside of pytest."""
    if _FOLDER in os.environ:
        await asyncio.to_thread(_prepare, folder, Path(os.environ[_FOLDER]))


def _prepare(folder: Path, shared: Path) -> None:
    if folder.exists():
        return
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "postgres").exists():
            asyncio.run(_make(shared / "draft"))
            (shared / "draft").rename(shared / "postgres")
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # With its owner, who is another one where we are root.
    subprocess.run(("cp", "-a", shared / "postgres", folder), check=True)
    give(folder, postgres_account())


async def _make(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    database = Database((await server.start()).url)
    await upgrade_to_head(database)
    await database.close()
    await server.stop()
    with (folder / "postgresql.conf").open("a") as configuration:
        configuration.write("fsync = off\n")  # processes are killed here, and never the machine
