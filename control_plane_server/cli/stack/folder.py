"""The folder that holds everything an embedded stack keeps, and the lock that gives it to one stack at a time."""

import base64
import fcntl
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from control_plane.access.local_stacks import access_file, holder_file, holder_of
from control_plane.machine.processes import process_of
from control_plane.machine.records import write_record

from control_plane_server.cli.stack.errors import StackError


class DataFolder:
    """Databases, logs, containers and the keys of one stack. Everything is made on demand; `rm -r` starts afresh."""

    def __init__(self, path: Path) -> None:
        """Raises StackError if it has no place: `~` needs a home."""
        try:
            self.path = path.expanduser().absolute()
            os.fsencode(self.path).decode()  # it becomes part of addresses, and of rows
        except (RuntimeError, FileNotFoundError) as error:
            raise StackError(f"{path} leads nowhere on this machine; choose a folder with --data-dir") from error
        except UnicodeDecodeError as error:
            raise StackError("the data folder's path is no UTF-8 text; choose another with --data-dir") from error
        self.postgres = self.path / "postgres"
        self.temporal_database = self.path / "temporal.db"
        self.blobs = self.path / "blobs"
        self.access = access_file(self.path)
        self._logs = self.path / "logs"
        self._run = self.path / "run"
        self._holder = holder_file(self.path)
        self._lock: IO[str] | None = None

    def log(self, server: str) -> Path:
        return self._logs / f"{server}.log"

    def record(self, server: str) -> Path:
        return self._run / f"{server}.json"

    def make(self) -> None:
        """Raises StackError if the folder cannot be used."""
        try:
            with suppress(FileExistsError):  # a folder, as a rule; of a file the next line says that it is none
                self.path.mkdir(mode=0o700, parents=True)
            self._logs.mkdir(mode=0o700, exist_ok=True)
            self._run.mkdir(mode=0o700, exist_ok=True)
            for file in self.path.glob(f"{self.temporal_database.name}*"):  # a release before made it readable to all
                file.chmod(0o600)
            (self._run / "lock").touch()
        except OSError as error:
            raise StackError(
                f"the data folder {self.path} cannot be used ({error.strerror}); choose another with --data-dir"
            ) from error

    def acquire(self) -> None:
        """Make the folder and hold it until `release`, or until this process ends in whatever way.

        Raises StackError if it cannot be used or another stack holds it.
        """
        self.make()
        lock = (self._run / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise StackError(
                f"process {self.holder() or 'unknown'} runs a stack on {self.path}; "
                "stop it or choose another folder with --data-dir"
            ) from error
        self._lock = lock
        if (this := process_of(os.getpid())) is not None:
            write_record(self._holder, this)

    def release(self) -> None:
        if self._lock is not None:
            self._holder.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def holder(self) -> int | None:
        """The process that holds the folder, or None if none does."""
        return holder_of(self.path)

    def api_key(self) -> str:
        """The key of stacks on this folder, drawn once and readable by its owner alone."""
        return _drawn_once(self.path / "api-key", lambda: secrets.token_urlsafe(24))

    def secrets_key(self) -> str:
        """What secrets of stacks on this folder are encrypted with, likewise."""
        return _drawn_once(self.path / "secrets-key", lambda: base64.b64encode(secrets.token_bytes(32)).decode())


def _drawn_once(path: Path, draw: Callable[[], str]) -> str:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = path.read_text().strip()
        if found:
            return found
        path.unlink()  # whoever drew the key was killed before writing it
        return _drawn_once(path, draw)
    with os.fdopen(handle, "w") as file:
        file.write(key := draw())
    return key
