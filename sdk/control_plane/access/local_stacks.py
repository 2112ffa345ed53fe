"""Stacks that `control-plane dev` runs on this machine: how clients find them, and what they need to know of one."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from control_plane.access.settings import state_folder
from control_plane.machine.records import read_record

DEFAULT_DATA_DIR = Path("~/.control-plane")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAccess:
    """`pid`: the process to send SIGTERM to. `web_ui_url` is None where Temporal is another's: it does not say."""

    pid: int
    api_url: str
    api_key: str = field(repr=False)
    temporal_address: str
    temporal_namespace: str
    web_ui_url: str | None
    provisioner: str

    @property
    def console_url(self) -> str:
        return f"{self.api_url}/ui"

    def history_url(self, workflow_id: str) -> str | None:
        """Where the Web UI shows a workflow."""
        if self.web_ui_url is None:
            return None
        return f"{self.web_ui_url}/namespaces/{self.temporal_namespace}/workflows/{workflow_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    """A stack that runs, and its data folder."""

    access: StackAccess
    folder: Path


def access_file(data_dir: Path) -> Path:
    return data_dir / "run" / "stack.json"


def holder_file(data_dir: Path) -> Path:
    return data_dir / "run" / "holder.json"


def access_to(data_dir: Path) -> StackAccess | None:
    """The stack that runs on the folder, None if none does or it is not ready yet."""
    holder = holder_of(data_dir)
    try:
        access = StackAccess(**json.loads(access_file(data_dir).read_text()))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    return access if access.pid == holder else None


def holder_of(data_dir: Path) -> int | None:
    """The process that holds the folder, or None if none does.

    Judged by what it has noted of itself: whoever tried its lock would hold it for that moment, and keep a stack from
    starting.
    """
    process = read_record(holder_file(data_dir))
    return process.pid if process is not None and process.is_alive() else None


def note_stack(data_dir: Path) -> None:
    """That a stack runs on the folder, or soon will, for `running_stacks`; those that run no longer are forgotten.

    Where nothing can be noted, only a stack on the usual folder is found: no reason to fail.
    """
    folder = _notes()
    if folder is None:
        return
    with suppress(OSError, RuntimeError):
        data_dir = resolved(data_dir)
        note = folder / f"{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}.json"
        draft = note.with_suffix(f".{os.getpid()}")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for other in folder.glob("*.json"):
            noted = _noted(other)
            if noted is None or holder_of(noted) is None:
                other.unlink(missing_ok=True)
        draft.write_text(json.dumps({"data_dir": str(data_dir)}))
        draft.replace(note)


def running_stacks() -> list[LocalStack]:
    """Of this user on this machine, each once: the one on the usual data folder first, then those that were noted."""
    folders: list[Path] = []
    with suppress(RuntimeError, OSError):  # without a home, or in somebody else's, there is none of ours
        folders.append(resolved(DEFAULT_DATA_DIR))
    with suppress(OSError):
        notes = _notes()
        folders += [noted for note in sorted(notes.glob("*.json") if notes else ()) if (noted := _noted(note))]
    by_process: dict[int, LocalStack] = {}
    for folder in folders:
        stack = stack_on(folder)
        if stack is not None:  # a folder may have several paths, as where it is mounted twice
            by_process.setdefault(stack.access.pid, stack)
    return list(by_process.values())


def stack_on(folder: Path) -> LocalStack | None:
    """The stack that runs on the data folder."""
    try:
        folder = resolved(folder)
        access = access_to(folder)
    except (OSError, RuntimeError):  # it is somebody else's, or no folder at all
        return None
    return None if access is None else LocalStack(access=access, folder=folder)


def resolved(folder: Path) -> Path:
    """One name for a folder, however it is written. Raises OSError and RuntimeError for what leads nowhere."""
    return folder.expanduser().resolve()


def _notes() -> Path | None:
    folder = state_folder()
    return None if folder is None else folder / "stacks"


def _noted(note: Path) -> Path | None:
    try:
        return Path(json.loads(note.read_text())["data_dir"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
