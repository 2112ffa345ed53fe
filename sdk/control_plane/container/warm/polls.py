"""Asks the API what is next, or something else, in a process that has one thread and must hear its signals."""

from __future__ import annotations

import http.client
import io
import ssl
import time
from json import dumps
from typing import TYPE_CHECKING, Any, Callable, Dict

from control_plane.container.connections import Connection
from control_plane.container.kept_connections import KeptConnections
from control_plane.container.transport import Transport, read_headers, tried
from control_plane.container.warm.leases import Lease, Next
from control_plane.container.warm.waking import Wake, Woken
from control_plane.protocol.exchange import Peer, exchange
from control_plane.protocol.steps import Answer, Lost, Plan, Request, Send, Sleep, T
from control_plane.protocol.waiting import NEVER, Deadline, Patience

if TYPE_CHECKING:
    import socket

_SILENCE_SECONDS = 45.0  # the API answers after 20 s at most
_FIRST_PIECE_BYTES = 65_536
_PATIENCE_SECONDS = 600.0  # as that of an execution's program
_SHORTEST_SECONDS = 1.0  # of a poll that brought nothing
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Asker:
    """`first_contact_seconds`: of `Transport`."""

    def __init__(self, url: str, key: str, wake: Wake, *, first_contact_seconds: float) -> None:
        self._wake = wake
        self._transport = _PollTransport(url, key, wake, first_contact_seconds=first_contact_seconds)
        usual = Patience(unheard=_PATIENCE_SECONDS, unanswered=_PATIENCE_SECONDS, foreign=first_contact_seconds)
        self._usual = usual._replace(foreign=_PATIENCE_SECONDS)
        self._peer = Peer("The control plane's API", "can %s be reached from this container?" % url, usual)

    def ask(self, request: Request, *, is_called: Callable[[], bool], deadline: Deadline = NEVER) -> Any:
        """The document of the answer. Raises Woken as soon as a signal comes after which `is_called`, TimeoutError at
        the deadline, Refused, Unreachable."""
        self._transport.is_called = is_called
        document = self._run(exchange(self._peer, request, deadline=deadline)).document
        self._peer = self._peer._replace(patience=self._usual)
        return document

    def close(self) -> None:
        self._transport.close()

    def _run(self, plan: Plan[T]) -> T:
        reply: Any = None
        lost: Lost | None = None
        while True:
            try:
                step = plan.send(reply) if lost is None else plan.throw(lost)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = lost = None
            if isinstance(step, Sleep):
                self._pause(time.monotonic() + step.seconds)
                continue
            assert isinstance(step, Send)
            try:
                reply = self._transport.send(step.request)
            except Lost as error:
                lost = error

    def _pause(self, until: float) -> None:
        """Raises Woken."""
        while time.monotonic() < until:
            self._transport.check()
            self._wake.wait(until - time.monotonic())


class Poller(Asker):
    """`path`: the container's."""

    def __init__(self, url: str, key: str, path: str, wake: Wake, *, first_contact_seconds: float) -> None:
        super().__init__(url, key, wake, first_contact_seconds=first_contact_seconds)
        self._path = path + "/next"

    def next(
        self,
        *,
        ended: Dict[str, Any] | None = None,
        report: Dict[str, Any] | None = None,
        running: Lease | None = None,
        is_called: Callable[[], bool],
    ) -> Next:
        """`report`: of what has ended, if it has not been made. Raises Woken as soon as a signal comes after which
        `is_called`, Refused, Unreachable."""
        said: Dict[str, Any] = {"ended": ended, "running": None if running is None else running.names()}
        if report is not None:
            said["report"] = report
        request = Request("POST", self._path, dumps(said).encode(), silence_seconds=_SILENCE_SECONDS)
        began = time.monotonic()
        found = Next.of_document(self.ask(request, is_called=is_called))
        if found == (None, False, False):  # something in between may answer at once
            self._pause(began + _SHORTEST_SECONDS)
        return found


class _PollTransport(Transport):
    def __init__(self, url: str, key: str, wake: Wake, *, first_contact_seconds: float) -> None:
        super().__init__(url, key, first_contact_seconds=first_contact_seconds)
        self._wake = wake
        self._kept = KeptConnections()
        self._asked: Connection | None = None  # it has not answered yet
        self.is_called: Callable[[], bool] = bool

    def check(self) -> None:
        """Raises Woken."""
        if self.is_called():
            raise Woken

    def close(self) -> None:
        """Also of a copy of this process that is made while an answer is awaited."""
        super().close()
        if self._asked is not None:
            self._asked.close()

    def send(self, request: Request) -> Answer:
        """Raises Lost, and whatever `is_called` and `check` raise."""
        assert isinstance(request.body, bytes)
        kept = self._kept
        assert kept is not None
        connection = self._asked = kept.take(timeout=request.silence_seconds) or self._connection(request)
        try:
            if connection.sock is None:
                self._connect(connection, request)
            plain: socket.socket = connection.sock
            tried(lambda: plain.sendall(self._written(request)), was_sent=True)
            first = self._first_piece(plain, request.silence_seconds)
            # http.client itself waits in a way that no signal ends.
            response = http.client.HTTPResponse(_Begun(plain, first), method=request.method)  # type: ignore[arg-type]
            tried(response.begin, was_sent=True)
            body = tried(response.read, was_sent=True)
        except BaseException:
            connection.close()
            raise
        finally:
            self._asked = None
        if response.will_close:
            connection.close()
        else:
            kept.keep(connection)
        return Answer(response.status, read_headers(response), body)

    def _written(self, request: Request) -> bytes:
        assert isinstance(request.body, bytes)
        headers, path = self._headers_and_path(request)
        host = "[%s]" % self._host if ":" in self._host else self._host
        headers["Host"] = host if self._port is None else "%s:%d" % (host, self._port)
        headers["Content-Length"] = str(len(request.body))
        lines = ["%s %s HTTP/1.1" % (request.method, path), *("%s: %s" % pair for pair in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body

    def _first_piece(self, plain: socket.socket, seconds: float) -> bytes:
        """Of the answer. Raises Lost, Woken."""
        until = time.monotonic() + seconds
        plain.settimeout(0.0)
        while True:
            try:
                # Of TLS not all that can be read is the answer's.
                piece: bytes = tried(lambda: _received(plain), was_sent=True)
            except _Nothing:
                pass
            else:
                if not piece:
                    raise Lost("the connection was closed", was_sent=True)
                plain.settimeout(seconds)
                return piece
            self.check()
            if time.monotonic() >= until:
                raise Lost("no answer came in time", was_sent=True)
            self._wake.wait(until - time.monotonic(), descriptor=plain.fileno())


class _Nothing(Exception):
    """Has come by now."""


def _received(plain: socket.socket) -> bytes:
    """Raises _Nothing, OSError."""
    try:
        return plain.recv(_FIRST_PIECE_BYTES)
    except _WOULD_BLOCK:
        raise _Nothing from None


class _Begun(io.RawIOBase):
    """A connection of which the first piece has been read, as http.client takes connections."""

    def __init__(self, plain: socket.socket, first: bytes) -> None:
        self._plain = plain
        self._first = first

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises OSError."""
        if not self._first:
            return self._plain.recv_into(buffer)
        size = min(len(buffer), len(self._first))
        buffer[:size], self._first = self._first[:size], self._first[size:]
        return size
