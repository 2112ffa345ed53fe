"""Sends requests for the protocol's plans with the standard library, each over a connection of its own, or over one
that is kept.

What this process itself has used up is told apart from an API that does not answer: it will hardly come back.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import urlsplit

from control_plane.container.certificates import trust
from control_plane.container.connections import Connection
from control_plane.container.exhaustion import exhausted
from control_plane.container.kept_connections import KeptConnections
from control_plane.errors import Unreachable
from control_plane.protocol.steps import Answer, Lost, Request, is_elsewhere

if TYPE_CHECKING:
    from control_plane.protocol.sources import Sink

_NO_PATIENCE_SECONDS = 0.0
_EXHAUSTION_PATIENCE_SECONDS = 3.0  # what this process lacks it has used up itself, and rarely gives back
_PIECE_BYTES = 256 * 1024
_SHUT_RDWR = socket.SHUT_RDWR


class Exhausted(Unreachable):
    """Nothing is wrong with the API: this process has used up its descriptors or its memory."""


class Interrupted(Exception):
    """A stream that somebody in this process has broken off."""


class Transport:
    """May be used by any number of threads, as there is no state to break.

    `keeps_connection`: for the next request to the API. One that is closed while it is asked is Lost as any other.

    `first_contact_seconds`: how long it is worth trying while no connection has ever come about. Then a certificate
    that is not trusted is not tried again at all, as it will not be trusted a moment later. None: that makes no
    difference.
    """

    def __init__(
        self, url: str, key: str, *, first_contact_seconds: float | None = None, keeps_connection: bool = False
    ) -> None:
        self._first_contact_seconds = first_contact_seconds
        self._kept = KeptConnections() if keeps_connection else None
        address = urlsplit(url)
        self._host = address.hostname or ""
        self._port = address.port
        self._base_path = address.path.rstrip("/")
        self._key = key
        self._tls = trust() if address.scheme == "https" else None

    def send(self, request: Request) -> Answer:
        """Raises Lost."""
        kept = None if is_elsewhere(request.path) else self._kept
        connection = (kept and kept.take(timeout=request.silence_seconds)) or self._connection(request)
        try:
            response, _ = self._response(connection, request)
            if request.sink is not None and response.status < 300:
                _fill(request.sink, response)
                body = b""
            else:
                body = tried(response.read, was_sent=True)
            answer = Answer(response.status, read_headers(response), body)
        except BaseException:
            connection.close()
            raise
        if kept is not None and response.isclosed():
            kept.keep(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """What is kept. More may be sent."""
        if self._kept is not None:
            self._kept.close()

    def open(self, request: Request) -> OpenStream:
        """Raises Lost."""
        connection = self._connection(request)
        try:
            response, plain = self._response(connection, request)
            body = b"" if response.status < 300 else tried(response.read, was_sent=True)
            return OpenStream(connection, plain, response, Answer(response.status, read_headers(response), body))
        except BaseException:
            connection.close()
            raise

    def _connection(self, request: Request) -> Connection:
        if not is_elsewhere(request.path):
            return Connection(self._host, self._port, timeout=request.silence_seconds, tls=self._tls)
        address = urlsplit(request.path)
        tls = trust() if address.scheme == "https" else None
        return Connection(address.hostname or "", address.port, timeout=request.silence_seconds, tls=tls)

    def _response(self, connection: Connection, request: Request) -> tuple[http.client.HTTPResponse, socket.socket]:
        """And what it comes from: the connection forgets that once it knows that there is no other answer."""
        headers, path = self._headers_and_path(request)
        if connection.sock is None:
            self._connect(connection, request)
        plain: socket.socket = connection.sock
        if request.body is None or isinstance(request.body, bytes):
            body: Any = request.body
        else:
            body = request.body.pieces()
        try:
            tried(lambda: connection.request(request.method, path, body=body, headers=headers), was_sent=True)
        except Lost:
            if body is request.body:
                raise
            # It may have been answered before all of it was there.
            with contextlib.suppress(Exception):
                return connection.getresponse(), plain
            raise
        return tried(connection.getresponse, was_sent=True), plain

    def _connect(self, connection: Connection, request: Request) -> None:
        """Raises Lost."""
        try:
            tried(connection.connect, was_sent=False)
        except Lost as lost:
            if self._first_contact_seconds is not None and lost.patience_seconds is None:
                is_final = isinstance(lost.__cause__, ssl.SSLCertVerificationError)
                lost.patience_seconds = _NO_PATIENCE_SECONDS if is_final else self._first_contact_seconds
            raise
        if not is_elsewhere(request.path):
            self._first_contact_seconds = None

    def _headers_and_path(self, request: Request) -> tuple[dict[str, str], str]:
        if is_elsewhere(request.path):
            address = urlsplit(request.path)
            return dict(request.headers), address.path + ("?" + address.query if address.query else "")
        headers = {"Authorization": "Bearer " + self._key, "Content-Type": "application/json", **request.headers}
        if "TRACEPARENT" in os.environ:  # read each time: the function may go on to spans of its own
            headers["traceparent"] = os.environ["TRACEPARENT"]
        return headers, self._base_path + request.path


class OpenStream:
    """`answer`: whole, unless its status is below 300."""

    def __init__(
        self, connection: Connection, plain: socket.socket, response: http.client.HTTPResponse, answer: Answer
    ) -> None:
        self.answer = answer
        self._connection = connection
        self._socket = plain
        self._response = response
        self._is_interrupted = False

    def next_line(self) -> bytes | None:
        """Without its end; None at the end of the stream. Raises Lost, Interrupted."""
        try:
            line = tried(self._response.readline, was_sent=True)
        except Lost:
            if self._is_interrupted:
                raise Interrupted from None
            raise
        if self._is_interrupted:
            raise Interrupted
        return line.rstrip(b"\r\n") if line.endswith(b"\n") else None  # half a line was cut off

    def interrupt(self) -> None:
        """Have whoever reads it raise Interrupted. To be called by another thread."""
        self._is_interrupted = True
        with contextlib.suppress(OSError):  # it has ended by itself
            self._socket.shutdown(_SHUT_RDWR)

    def close(self) -> None:
        """May be repeated."""
        self._response.close()
        self._connection.close()


def _fill(sink: Sink, response: http.client.HTTPResponse) -> None:
    """Raises Lost, and what the sink raises."""
    expected = response.length
    sink.begin()
    try:
        piece: bytes = tried(lambda: response.read(_PIECE_BYTES), was_sent=True)
        while piece:
            sink.write(piece)
            piece = tried(lambda: response.read(_PIECE_BYTES), was_sent=True)
    finally:
        sink.close()
    if expected is not None and sink.size != expected:
        raise Lost("the answer broke off", was_sent=True)


def read_headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def tried(attempt: Callable[[], Any], *, was_sent: bool) -> Any:
    """Raises Lost."""
    try:
        return attempt()
    except (OSError, http.client.HTTPException, MemoryError, ValueError) as error:  # ValueError: of a closed file
        reason = "%s: %s" % (type(error).__name__, error)
        lack = exhausted(error)
        if lack is None:
            raise Lost(reason, was_sent=was_sent) from error
        final = Exhausted("The control plane's API cannot be asked: this container has %s" % lack)
        raise Lost(reason, was_sent=was_sent, patience_seconds=_EXHAUSTION_PATIENCE_SECONDS, final=final) from error
