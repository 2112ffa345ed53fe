"""The HTTP server: leaves signals to its process, and serves all clients that are connected before it ends."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn

from api.connections import BoundedProtocol

# How long, at the end, open connections without a request are waited for.
_LAST_REQUESTS_SECONDS = 1.0
_POLL_SECONDS = 0.02


class DrainingServer(uvicorn.Server):
    """Takes its listening socket from `run`.

    uvicorn's own end resets connections that wait to be accepted, and closes accepted ones whose request is still on
    its way: to a client, requests that are lost.
    """

    async def run_on(self, listener: socket.socket) -> None:
        """Serve on this listening socket until `should_exit` is set, then end as the class says."""
        self._listener = listener.dup()  # stays open when the event loop closes its own
        await self.serve(sockets=[listener])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Does nothing: uvicorn would raise a captured signal again before our services are closed."""
        yield

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        while any(one.fileno() != -1 for one in sockets or ()):  # noqa: ASYNC110 - the event loop has no event for it
            await asyncio.sleep(0)
        await self._accept_pending()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_REQUESTS_SECONDS):
                while any(map(_is_idle, self.server_state.connections)):  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(_POLL_SECONDS)
        await super().shutdown()

    async def _accept_pending(self) -> None:
        """Without an await between the last accept and the close, so that no connection arrives in between."""
        waiting = []
        self._listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting.append(self._listener.accept()[0])
        self._listener.close()
        for connection in waiting:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> BoundedProtocol:
        return BoundedProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


def _is_idle(connection: object) -> bool:
    return isinstance(connection, BoundedProtocol) and connection.is_idle
