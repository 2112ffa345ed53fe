"""Limits for connections, so that slow or excessive clients do not hold the server's resources."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from control_plane_server.domain.bounds import MAX_BODY_BYTES

# From the first byte of a request, or the connection's start, to the end of its headers; and for the rest of a body
# whose request has been answered already: it is read and dropped, as otherwise the client would not see the answer.
_READ_PATIENCE_SECONDS = 10.0
# A path of four names of 1,023 characters, escaped, is 12 KiB.
_MAX_HEAD_BYTES = 64 * 1024
# For an answer that the client does not read: the longest ones are some megabytes.
_WRITE_PATIENCE_SECONDS = 60.0


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections that send headers for more than 10 s or 64 KiB, or that do not read their answer for 60 s.

    Bodies are bounded in `bodies.py`; a connection without a request is closed by uvicorn's keep-alive timeout.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._read_timer: asyncio.TimerHandle | None = None
        self._bytes_read = 0
        self._is_in_body = False
        self._write_timer: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """No request has arrived yet, or the last one is answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_read_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_read_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_idle and self._read_timer is None:
            self._start_read_timer()
        super().data_received(data)
        if self._read_timer is not None:
            self._bytes_read += len(data)
            if self._bytes_read > (MAX_BODY_BYTES if self._is_in_body else _MAX_HEAD_BYTES):
                self.transport.close()

    def on_headers_complete(self) -> None:
        self._stop_read_timer()
        self._is_in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_read_timer()
        self._is_in_body = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(_WRITE_PATIENCE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _start_read_timer(self) -> None:
        self._bytes_read = 0
        self._read_timer = self.loop.call_later(_READ_PATIENCE_SECONDS, self.transport.close)

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None
