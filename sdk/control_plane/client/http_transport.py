"""The transport of `Client`: connections that are kept, for any number of threads."""

import os
import threading
from collections.abc import Iterator
from weakref import WeakSet

import httpx2

from control_plane.access.server import Server
from control_plane.client.http_requests import LIMITS, answer_of, content_of, ensure_whole, headers_of, lost, message_of
from control_plane.protocol.line_buffers import LineBuffer
from control_plane.protocol.steps import Answer, Request

# All that there are.
_transports: "WeakSet[HttpTransport]" = WeakSet()


class HttpTransport:
    """A copy of the process has connections of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._process_id = 0
        self._http: httpx2.Client | None = None
        _transports.add(self)

    def send(self, request: Request) -> Answer:
        try:
            http = self._pool()
            response = http.send(message_of(http, request, content_of(request)), stream=True)
            try:
                if request.sink is not None and response.is_success:
                    _fill(request, response)
                    return answer_of(response, b"")
                return answer_of(response, response.read())
            finally:
                response.close()
        except httpx2.HTTPError as error:
            raise lost(error) from error

    def open(self, request: Request) -> "HttpStream":
        http = self._pool()
        message = message_of(http, request, request.body)
        try:
            response = http.send(message, stream=True)
            return HttpStream(response)
        except httpx2.HTTPError as error:
            raise lost(error) from error

    def close(self) -> None:
        """Connections of this process; they are made anew if they are needed again."""
        with self._lock:
            if self._http is not None and self._process_id == os.getpid():
                self._http.close()
            self._http = None

    def _pool(self) -> httpx2.Client:
        with self._lock:
            # What a copy of the process has inherited is not closed: the other end would believe that it was us.
            if self._http is None or self._process_id != os.getpid():
                self._process_id = os.getpid()
                self._http = httpx2.Client(
                    base_url=self._server.api_url,
                    headers=headers_of(self._server),
                    limits=LIMITS,
                    trust_env=not self._server.is_on_loopback,
                )
            return self._http

    def renew_lock(self) -> None:
        """In a copy of the process: somebody may have held it when the copy was made."""
        self._lock = threading.Lock()


class HttpStream:
    def __init__(self, response: httpx2.Response) -> None:
        """Raises httpx2.HTTPError."""
        self._response = response
        self._pieces: Iterator[bytes] = response.iter_bytes()
        self._lines = LineBuffer()
        self.answer = answer_of(response, b"" if response.is_success else response.read())

    def next_line(self) -> bytes | None:
        while True:
            line = self._lines.next()
            if line is not None:
                return line
            try:
                piece = next(self._pieces, None)
            except httpx2.HTTPError as error:
                raise lost(error) from error
            if piece is None:
                return None
            self._lines.take(piece)

    def close(self) -> None:
        self._response.close()


def _fill(request: Request, response: httpx2.Response) -> None:
    """Raises Lost, httpx2.HTTPError, and what the sink raises."""
    assert request.sink is not None
    request.sink.begin()
    try:
        for piece in response.iter_raw():
            request.sink.write(piece)
    finally:
        request.sink.close()
    ensure_whole(request, response)


def _renew_locks() -> None:
    for transport in list(_transports):
        transport.renew_lock()


os.register_at_fork(after_in_child=_renew_locks)
