"""Checkpoints of a container's code, kept by the control plane. Processes that the function starts may save like
itself."""

from __future__ import annotations

import functools
import os
import threading
import time

from control_plane.container.api import Api
from control_plane.container.environment import LAUNCH, Environment
from control_plane.container.executions import path_of
from control_plane.container.progress import ExecutionIsGone
from control_plane.errors import Refused

# From the beginning of one to that of the next: each costs the catalog a write of up to 16 KB.
_PAUSE_SECONDS = 0.1


class Saver:
    """May be used by any number of threads: their values are saved one after the other."""

    def __init__(self, environment: Environment, launch: int | None, *, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._api = Api(environment.api_url, environment.api_key)
        self._path = path_of(environment) + "/checkpoint"
        self._launch = launch
        self._pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._earliest = 0.0

    def save(self, text: str) -> None:
        """Raises Unreachable, and ExecutionIsGone if another container or attempt has taken this one's place."""
        with self._lock:
            time.sleep(max(0.0, self._earliest - time.monotonic()))
            self._earliest = time.monotonic() + self._pause_seconds
            try:
                self._api.request("PUT", self._path, body={"value": text, "launch": self._launch})
            except Refused as refusal:
                if refusal.status != 409:
                    raise
                raise ExecutionIsGone("The checkpoint could not be saved: %s" % refusal) from None

    def load(self) -> str | None:
        """None if there is none. Raises Unreachable."""
        try:
            text: str = self._api.request("GET", self._path).document["value"]
        except Refused as refusal:
            if refusal.code != "CheckpointDoesNotExist":
                raise
            return None
        return text


@functools.lru_cache(maxsize=None)
def saver(_process_id: int) -> Saver:
    """A copy of the process has one of its own: somebody may have held the other's lock when it was made."""
    launch = os.environ.get(LAUNCH)
    return Saver(Environment.from_variables(os.environ), None if launch is None else int(launch))
