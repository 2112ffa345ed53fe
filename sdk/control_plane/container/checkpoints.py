"""Checkpoints of a container's code, kept by the control plane. Processes that the function starts may save like
itself."""

from __future__ import annotations

import functools
import os
import threading
import time

from control_plane.container.api import Api, Document
from control_plane.container.environment import LAUNCH, Environment
from control_plane.container.executions import path_of
from control_plane.container.progress import ExecutionIsGone
from control_plane.errors import Refused
from control_plane.protocol.bounds import MAX_CHECKPOINT_BYTES

# From the beginning of one to that of the next: each costs the catalog a write of up to 16 KB.
_PAUSE_SECONDS = 0.1
_NO_STORE, _NOT_FOUND = 501, 404
# Another process may save while this one loads: then what the answer named is gone.
_MOST_LOADS = 10


class Saver:
    """May be used by any number of threads: their values are saved one after the other."""

    def __init__(self, environment: Environment, launch: int | None, *, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._api = Api(environment.api_url, environment.api_key)
        self._execution = path_of(environment)
        self._path = self._execution + "/checkpoint"
        self._launch = launch
        self._pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._earliest = 0.0

    def save(self, text: str) -> None:
        """Raises Unreachable, ValueError for what is too long, and ExecutionIsGone if another container or attempt has
        taken this one's place."""
        with self._lock:
            time.sleep(max(0.0, self._earliest - time.monotonic()))
            self._earliest = time.monotonic() + self._pause_seconds
            # One clock for all processes of the container. A request that is sent again may overtake nothing.
            save: Document = {"launch": self._launch, "sequence": time.monotonic_ns()}
            try:
                self._api.request("PUT", self._path, body={**self._put(text), **save})
            except Refused as refusal:
                if refusal.status != 409:
                    raise
                raise ExecutionIsGone("The checkpoint could not be saved: %s" % refusal) from None

    def load(self) -> str | None:
        """None if there is none. Raises Unreachable."""
        for left in reversed(range(_MOST_LOADS)):
            try:
                found = self._api.request("GET", self._path).document
                text: str = found["value"] if found.get("value_blob") is None else self._fetch(found["value_blob"])
            except Refused as refusal:
                if refusal.code == "CheckpointDoesNotExist":
                    return None
                if refusal.code != "BlobDoesNotExist" or not left:
                    raise
            else:
                return text
        return None

    def _put(self, text: str) -> Document:
        """Where the value is: in the request itself, or in a blob."""
        size = len(text.encode())
        if size <= MAX_CHECKPOINT_BYTES:
            return {"value": text}
        from control_plane.protocol import blobs, sources  # noqa: PLC0415 - rare

        announced = blobs.upload(
            self._api.peer, self._execution + "/blobs", sources.TextSource(text), kind="checkpoint"
        )
        try:
            return {"value": "", "value_blob": self._api.run(announced)}
        except Refused as refusal:
            if refusal.status not in (_NO_STORE, _NOT_FOUND):  # an earlier release knows nothing of blobs
                raise
            reason = ": %s" % refusal if refusal.status == _NO_STORE else ""
        raise ValueError(
            "the checkpoint has {:,} bytes of JSON, and at most {:,} are possible{}".format(
                size, MAX_CHECKPOINT_BYTES, reason
            )
        )

    def _fetch(self, blob_id: str) -> str:
        from control_plane.protocol import blobs, paths, sources  # noqa: PLC0415 - rare

        sink = sources.MemorySink()
        path = "%s/blobs/%s" % (self._execution, paths.escaped(blob_id))
        self._api.run(blobs.download(self._api.peer, path, sink))
        return sink.text()


@functools.lru_cache(maxsize=None)
def saver(_process_id: int) -> Saver:
    """A copy of the process has one of its own: somebody may have held the other's lock when it was made."""
    launch = os.environ.get(LAUNCH)
    return Saver(Environment.from_variables(os.environ), None if launch is None else int(launch))
