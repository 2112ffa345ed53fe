"""Requests to the control plane's REST API, repeated until they are answered: the API may restart at any moment."""

from __future__ import annotations

import http.client
import os
import ssl
from json import JSONDecodeError, dumps, loads
from time import monotonic, sleep
from typing import Any, Dict, Mapping, NamedTuple
from urllib.parse import urlsplit

from control_plane.container.connections import Connection
from control_plane.container.exhaustion import exhausted

Document = Dict[str, Any]

_PATIENCE_SECONDS = (
    600.0  # an API that is away for longer than a deployment takes will not come back for this execution
)
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0
_TIMEOUT_SECONDS = 60.0  # of one try; a long poll takes up to half of it
_EXHAUSTION_PATIENCE_SECONDS = 3.0  # what this process lacks it has used up itself, and rarely gives back


class Refused(Exception):
    """The API said no, and repeating the request would not help."""

    def __init__(self, status: int, detail: str, *, is_repeat: bool) -> None:
        super().__init__("%d: %s" % (status, detail))
        self.status = status
        self.detail = detail
        self.is_repeat = is_repeat


class Unreachable(Exception):
    """The API did not answer for as long as we were willing to wait."""


class Exhausted(Unreachable):
    """Nothing is wrong with the API: this process has used up its descriptors or its memory."""


class Answer(NamedTuple):
    """`is_repeat`: an earlier try of the same request got no clear answer and may have been carried out."""

    document: Document
    is_repeat: bool


class Api:
    """May be used by any number of threads. Each try has a connection of its own, so there is no state to break."""

    def __init__(self, url: str, key: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        address = urlsplit(url)
        self._host = address.hostname or ""
        self._port = address.port
        self._base_path = address.path.rstrip("/")
        self._key = key
        self._patience_seconds = patience_seconds
        # Reading the certificates takes longer than a request: once.
        self._tls = ssl.create_default_context() if address.scheme == "https" else None

    def request(
        self, method: str, path: str, *, body: Document | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Lost connections, overload and errors of the server are tried again.

        Raises Refused, Unreachable, and soon Exhausted where it is this process that cannot ask.
        """
        content = None if body is None else dumps(body).encode()
        give_up = monotonic() + self._patience_seconds
        delay = _FIRST_DELAY_SECONDS
        is_repeat = False
        lacks_until: float | None = None
        while True:
            lack = None
            try:
                status, document = self._send(method, path, content, headers or {})
            except (OSError, http.client.HTTPException, JSONDecodeError, MemoryError) as error:
                lack = exhausted(error)
                problem = "%s: %s" % (type(error).__name__, error)
            else:
                if status < 400:
                    return Answer(document, is_repeat)
                problem = "%d: %s" % (status, document.get("detail"))
                if status < 500 and status != 429:
                    raise Refused(status, str(document.get("detail")), is_repeat=is_repeat)
            if lack is None:
                lacks_until = None
            elif lacks_until is None:
                lacks_until = monotonic() + _EXHAUSTION_PATIENCE_SECONDS
            if lacks_until is not None and monotonic() + delay > lacks_until:
                raise Exhausted("The control plane's API cannot be asked: this container has %s" % lack)
            if monotonic() + delay > give_up:
                raise Unreachable("The control plane's API does not answer: " + problem)
            sleep(delay * _jitter())
            delay = min(2 * delay, _LONGEST_DELAY_SECONDS)
            is_repeat = True

    def _send(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> tuple[int, Document]:
        connection = Connection(self._host, self._port, timeout=_TIMEOUT_SECONDS, tls=self._tls)
        try:
            all_headers = {"Authorization": "Bearer " + self._key, "Content-Type": "application/json", **headers}
            if "TRACEPARENT" in os.environ:  # read each time: the function may go on to spans of its own
                all_headers["traceparent"] = os.environ["TRACEPARENT"]
            connection.request(method, self._base_path + path, body=content, headers=all_headers)
            response = connection.getresponse()
            payload = response.read()
            if response.status >= 500:  # a proxy's error page need not be JSON
                return response.status, {"detail": response.reason}
            return response.status, loads(payload)
        finally:
            connection.close()


def _jitter() -> float:
    """Between a half and one. Importing `random` would cost every container more than the system's own bytes do."""
    return 0.5 + os.urandom(1)[0] / 510
