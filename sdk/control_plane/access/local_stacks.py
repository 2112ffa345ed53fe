"""Stacks that `control-plane dev` runs on this machine: how clients find them, and what they need to know of one."""

import json
from dataclasses import dataclass, field
from pathlib import Path

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


def local_stack() -> LocalStack | None:
    """The stack on the usual data folder, if it runs."""
    try:
        folder = DEFAULT_DATA_DIR.expanduser().absolute()
        access = access_to(folder)
    except (RuntimeError, OSError):  # without a home, or in somebody else's, there is none of ours
        return None
    return None if access is None else LocalStack(access=access, folder=folder)
