"""Plans carried out against one server: what clients and commands are built on."""

from collections.abc import AsyncGenerator, Generator
from importlib import import_module
from typing import Any, NoReturn, TypeVar

from control_plane.access.server import Server
from control_plane.errors import ControlPlaneError
from control_plane.protocol import async_drivers, drivers
from control_plane.protocol.api import Api
from control_plane.protocol.steps import Plan, Stream
from control_plane.protocol.waiting import Patience

T = TypeVar("T")


class Connection:
    """For any number of threads. `api` makes the plans; errors are those of `control_plane.errors`."""

    def __init__(self, server: Server, patience: Patience) -> None:
        """Raises ControlPlaneError if the HTTP client is not installed."""
        requests = _installed("http_requests")
        self.server = server
        self.api = Api(requests.peer_of(server, patience))
        self._transport = _installed("http_transport").HttpTransport(server)

    def run(self, plan: Plan[T]) -> T:
        return drivers.run(plan, self._transport)

    def iterate(self, stream: Stream) -> Generator[Any, None, None]:
        return drivers.iterate(stream, self._transport)

    def close(self) -> None:
        self._transport.close()

    def __reduce__(self) -> NoReturn:
        raise _stays()


class AsyncConnection:
    """The same with await, for any number of tasks. A context that closes it."""

    def __init__(self, server: Server, patience: Patience) -> None:
        """Raises ControlPlaneError if the HTTP client is not installed."""
        requests = _installed("http_requests")
        self.server = server
        self.api = Api(requests.peer_of(server, patience))
        self._transport = _installed("async_http_transport").AsyncHttpTransport(server)

    async def run(self, plan: Plan[T]) -> T:
        return await async_drivers.run(plan, self._transport)

    def iterate(self, stream: Stream) -> AsyncGenerator[Any, None]:
        return async_drivers.iterate(stream, self._transport)

    async def close(self) -> None:
        await self._transport.close()

    def __reduce__(self) -> NoReturn:
        raise _stays()

    async def __aenter__(self) -> "AsyncConnection":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


def _stays() -> TypeError:
    return TypeError(
        "clients, their functions and calls cannot be pickled or copied: send names and ids, "
        "and make a client and client.invocation(id) of them there"
    )


def _installed(module: str) -> Any:
    """Only now: to declare functions, nobody needs an HTTP client."""
    try:
        return import_module(f"control_plane.client.{module}")
    except ModuleNotFoundError as error:
        if error.name != "httpx2":
            raise
        raise ControlPlaneError('the client needs httpx2: pip install "control-plane-client[client]"') from error
