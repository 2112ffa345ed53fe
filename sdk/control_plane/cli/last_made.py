"""What a terminal has made last on each server, an invocation or the batches of a run: what `-` stands for there."""

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from control_plane.access.settings import state_folder
from control_plane.machine.processes import process_of

_KEPT_SECONDS = 30 * 24 * 3_600


def remember_made(made: Sequence[str], *, api_url: str) -> None:
    """The ids of one run. Where they cannot be kept, `-` does not know them: no reason to fail."""
    path = _file()
    if path is None:
        return
    draft = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(json.dumps(_by_server(path) | {api_url: list(made)}))
        draft.replace(path)
        _forget_closed_terminals(path.parent)


def last_made(*, api_url: str) -> list[str]:
    """The ids of the last run; none if this terminal has made none on this server."""
    path = _file()
    return [] if path is None else _by_server(path).get(api_url, [])


def _by_server(path: Path) -> dict[str, list[str]]:
    """By the server's address; nothing of a file that is none of ours."""
    with suppress(OSError, ValueError):
        document = json.loads(path.read_text())
        if isinstance(document, dict):
            return {url: list(map(str, ids)) for url, ids in document.items() if isinstance(ids, list)}
    return {}


def _file() -> Path | None:
    """One for each session of processes, which is what a terminal has, and a script that runs without one."""
    folder = state_folder()
    leader = os.getsid(0)
    process = process_of(leader)
    started = "unknown" if process is None else f"{process.started}-{process.boot}"
    name = "".join(character if character.isalnum() else "-" for character in f"{leader}-{started}")
    return None if folder is None else folder / "last" / f"{name}.json"


def _forget_closed_terminals(folder: Path) -> None:
    too_old = time.time() - _KEPT_SECONDS
    for path in folder.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime < too_old:
                path.unlink()
