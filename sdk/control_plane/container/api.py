"""The control plane's API as a container asks it: patiently, as the API may restart at any moment."""

from __future__ import annotations

from json import dumps
from typing import Any, Dict, Generator, Mapping, TypeVar

from control_plane.container.transport import Transport
from control_plane.protocol.drivers import iterate, run
from control_plane.protocol.exchange import Peer, Reply, exchange
from control_plane.protocol.steps import Plan, Request, Stream
from control_plane.protocol.waiting import Patience

Document = Dict[str, Any]
T = TypeVar("T")

# An API that is away for longer than a deployment takes will not come back for this execution.
_PATIENCE_SECONDS = 600.0


class Api:
    """May be used by any number of threads."""

    def __init__(self, url: str, key: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self.transport = Transport(url, key)
        self.peer = Peer(
            "The control plane's API",
            "can %s be reached from this container?" % url,
            Patience(unheard=patience_seconds, unanswered=patience_seconds, foreign=patience_seconds),
        )

    def request(
        self, method: str, path: str, *, body: Document | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Lost connections, overload and errors of the server are tried again.

        Raises Refused, Unreachable, and soon its kind Exhausted where it is this process that cannot ask.
        """
        content = None if body is None else dumps(body).encode()
        return self.run(exchange(self.peer, Request(method, path, content, headers or {})))

    def run(self, plan: Plan[T]) -> T:
        """Whatever the plan returns and raises."""
        return run(plan, self.transport)

    def iterate(self, stream: Stream) -> Generator[Any, None, None]:
        """Whatever the stream emits and raises."""
        return iterate(stream, self.transport)
