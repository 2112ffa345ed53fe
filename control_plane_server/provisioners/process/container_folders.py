"""The folder of a container: its supervisor, what it writes, how it ended. Files appear whole or not at all."""

import json
import os
import shutil
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from control_plane.machine.processes import Process

from control_plane_server.provisioners.process.memory_groups import MemoryGroup, group_name

_NOBODY = ""
_REMOVED = ".removed"  # no container is called so
_PRIVATE = 0o700
_OF_OTHERS = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRecord:
    """How the container's main process ended: by an exit code or a signal's number. `error`: why it never ran."""

    exit_code: int | None = None
    signal: int | None = None
    was_stopped: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ContainerFolder:
    """A container's name is taken by creating its pid file, which is never removed: so of all tries one runs it."""

    path: Path

    @property
    def work(self) -> Path:
        """The working directory, a copy of the image."""
        return self.path / "work"

    @property
    def log(self) -> Path:
        """What the container wrote to stdout and stderr."""
        return self.path / "log"

    @property
    def mark(self) -> Path:
        """An empty file that is there while the container may run."""
        return marks_root(self.path.parents[1]) / self.path.name

    @property
    def supervisor_log(self) -> Path:
        """What went wrong with the supervisor itself; empty as a rule."""
        return self.path / "supervisor.log"

    def claim(self, supervisor: Process) -> bool:
        """Take the name for a supervisor. False if another one has it, or it was withdrawn."""
        return self._take_name(supervisor.to_json())

    def make(self) -> None:
        """Create the folder, accessible to its owner alone, as inputs, outputs and logs are in it. The folder of all
        containers, which an earlier release may have made, is restricted too."""
        self.path.parent.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if self.path.parent.stat().st_mode & _OF_OTHERS:
            self.path.parent.chmod(_PRIVATE)
        self.path.mkdir(mode=_PRIVATE, exist_ok=True)

    def withdraw(self) -> None:
        """Take the name, if it is free, so that no container can be started under it any more."""
        self.make()
        self._take_name(_NOBODY)

    def supervisor(self) -> Process | None:
        """None if the name is free, or withdrawn, or cannot be read: a power failure may leave half a file."""
        text = _text_of(self._pid_file)
        try:
            return Process.from_json(text) if text else None
        except (ValueError, TypeError):
            return None

    def note_memory_group(self, group: MemoryGroup) -> None:
        """So that it is found when its supervisor is gone."""
        os.replace(self._draft("memory-group", str(group.folder)), self.path / "memory-group")

    def memory_group(self) -> MemoryGroup | None:
        """None if it had none, or none that is known: of half a path, another group's processes would be killed."""
        group = Path(_text_of(self.path / "memory-group") or "")
        return MemoryGroup(group) if group.name == group_name(self.path.name) else None

    def remove_memory_group(self) -> None:
        if (group := self.memory_group()) is not None:
            group.remove()

    def note_image(self, image: Path) -> None:
        """What it is a copy of, for as long as it runs."""
        os.replace(self._draft("image", str(image)), self.path / "image")

    def image(self) -> Path | None:
        """None if that was not noted."""
        text = _text_of(self.path / "image")
        return Path(text) if text else None

    def note_interruption(self) -> None:
        """That the stack is about to kill it, as it stops itself: it is not the container that failed."""
        (self.path / "interrupted").touch()

    def was_interrupted(self) -> bool:
        return (self.path / "interrupted").exists()

    def record_exit(self, record: ExitRecord) -> None:
        os.replace(self._draft("exit", json.dumps(asdict(record))), self._exit_file)

    def exit_record(self) -> ExitRecord | None:
        """None if there is none, or none that can be read."""
        text = _text_of(self._exit_file)
        try:
            return None if text is None else ExitRecord(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def has_ended(self) -> bool:
        """Whether its end is recorded or its supervisor is gone."""
        if self._exit_file.exists():
            return True
        supervisor = self.supervisor()
        return supervisor is not None and not supervisor.is_alive()

    def is_withdrawn(self) -> bool:
        return _text_of(self._pid_file) == _NOBODY

    def last_change(self) -> float:
        """When it ended, or was made if that is not known, in seconds since 1970. Raises FileNotFoundError."""
        file = self._exit_file
        return (file if file.exists() else self.path).stat().st_mtime

    def remove(self) -> None:
        """With everything in it, log included: the container is gone. At once, so that nobody finds half of it; then
        what is left of earlier removals."""
        self.remove_memory_group()
        removed = self.path.parent / _REMOVED
        while self.path.exists():
            with suppress(FileNotFoundError, FileExistsError):  # another removal takes the folder for removals away
                removed.mkdir(mode=_PRIVATE, exist_ok=True)
                self.path.rename(removed / f"{self.path.name}.{uuid.uuid4().hex}")
        self.mark.unlink(missing_ok=True)
        shutil.rmtree(removed, ignore_errors=True)

    @property
    def _pid_file(self) -> Path:
        return self.path / "pid"

    @property
    def _exit_file(self) -> Path:
        return self.path / "exit"

    def _take_name(self, holder: str) -> bool:
        draft = self._draft("pid", holder)
        try:
            os.link(draft, self._pid_file)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def _draft(self, name: str, text: str) -> Path:
        draft = self.path / f"{name}.{os.getpid()}"
        draft.write_text(text)
        return draft


def containers_root(data_dir: Path) -> Path:
    return data_dir / "workers"


def marks_root(data_dir: Path) -> Path:
    return data_dir / "running"


def folder_of(data_dir: Path, container: str) -> ContainerFolder:
    return ContainerFolder(containers_root(data_dir) / container)


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")  # a power failure may leave anything
    except FileNotFoundError:
        return None
