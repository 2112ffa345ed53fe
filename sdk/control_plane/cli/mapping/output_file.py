"""The file that results are collected in: nothing is lost and nothing comes twice, whenever the command is killed.

Beside it, until all results are there, stands `FILE.map`, which says what they are results of; so the same command goes
on where the one before has stopped.
"""

import fcntl
import json
import os
import secrets
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from control_plane.access.errors import CannotBeDone, WrongUsage

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is collected. `inputs`: their digest."""

    project: str
    function: str
    inputs: str


class OutputFile:
    """A context that holds the file; no other process writes it meanwhile.

    `run`: drawn once for this work; `positions`: the last one of each batch that is in the file; `outcomes`: how many
    of each are.
    """

    def __init__(self, path: Path, work: Work) -> None:
        self.positions: dict[str, int] = {}
        self.outcomes: Counter[str] = Counter()
        self.run = ""
        self._path = path
        self._notes = path.with_name(f"{path.name}.map")
        self._work = work
        self._lock: IO[bytes] | None = None
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "OutputFile":
        """Raises WrongUsage if the file is of other work, CannotBeDone if it cannot be written."""
        try:
            self._open()
        except OSError as error:
            self._close()
            raise CannotBeDone(f"{self._path} cannot be written: {error.strerror}") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    def write(self, line: bytes, *, batch_id: str, position: int, outcome: str) -> None:
        """A result, whole or not at all. Raises CannotBeDone."""
        assert self._file is not None
        try:
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            raise CannotBeDone(f"{self._path} cannot be written: {error.strerror}; run this again then") from error
        self._count(batch_id, position, outcome)

    def finish(self) -> None:
        """All results are there."""
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._notes.unlink(missing_ok=True)

    def _open(self) -> None:
        if str(self._path) == "-" or (self._path.exists() and not (self._path.is_file() or self._path.is_dir())):
            raise WrongUsage(f"--output must be a file, not {self._path}; --follow alone writes results to stdout")
        self._lock = self._held()
        self.run = self._noted() or self._begin()
        self._file = self._path.open("a+b")
        self._read_back(self._file)

    def _close(self) -> None:
        for file in (self._file, self._lock):
            if file is not None:
                file.close()

    def _held(self) -> IO[bytes]:
        """The notes, which may be empty, locked."""
        while True:
            notes = self._notes.open("a+b")
            try:
                fcntl.flock(notes, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                notes.close()
                raise CannotBeDone(f"another command is writing {self._path}; wait for it") from error
            if _is_still(self._notes, notes):
                return notes
            notes.close()  # somebody has finished in this moment

    def _noted(self) -> str | None:
        """The run that has begun; None if there is none yet."""
        assert self._lock is not None
        self._lock.seek(0)
        text = self._lock.read()
        try:
            notes = json.loads(text)
            run: str = notes.pop("run")
        except (ValueError, KeyError, AttributeError):  # whoever wrote it was killed before sending anything
            return None
        if notes != asdict(self._work):
            raise WrongUsage(
                f"{self._path} is being made of other inputs, or with another function: name another file, "
                f"or remove it and {self._notes.name}"
            )
        return run

    def _begin(self) -> str:
        assert self._lock is not None
        if self._path.exists() and self._path.stat().st_size > 0:
            self._notes.unlink(missing_ok=True)
            raise WrongUsage(f"{self._path} exists; name another file, or remove it")
        run = secrets.token_hex(16)
        self._lock.truncate(0)
        self._lock.write(json.dumps({"run": run, **asdict(self._work)}).encode())
        self._lock.flush()
        os.fsync(self._lock.fileno())
        return run

    def _read_back(self, file: IO[bytes]) -> None:
        """What is there; half a line, whose writer was killed, goes."""
        file.seek(0)
        whole = 0
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(whole)
                break
            whole += len(line)
            found = json.loads(line)
            self._count(found["batch_id"], found["position"], found["outcome"])
        file.seek(0, os.SEEK_END)

    def _count(self, batch_id: str, position: int, outcome: str) -> None:
        self.positions[batch_id] = position
        self.outcomes[outcome] += 1


def _is_still(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
