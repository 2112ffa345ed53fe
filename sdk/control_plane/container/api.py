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

# An API that has answered and is away for longer than a deployment takes will not come back for this execution.
PATIENCE_SECONDS = 600.0


class Api:
    """May be used by any number of threads. `first_contact_seconds`, `keeps_connection`: of `Transport`."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        first_contact_seconds: float | None = None,
        keeps_connection: bool = False,
    ) -> None:
        self.transport = Transport(
            url, key, first_contact_seconds=first_contact_seconds, keeps_connection=keeps_connection
        )
        usual = Patience(unheard=patience_seconds, unanswered=patience_seconds, foreign=patience_seconds)
        self._known_peer = Peer("The control plane's API", "can %s be reached from this container?" % url, usual)
        self.peer = self._known_peer
        if first_contact_seconds is not None:
            # What is no control plane may be a proxy in front of one that is away, where one has answered before.
            self.peer = self.peer._replace(patience=usual._replace(foreign=first_contact_seconds))

    def request(
        self, method: str, path: str, *, body: Document | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Lost connections, overload and errors of the server are tried again.

        Raises Refused, Unreachable, and soon its kind Exhausted where it is this process that cannot ask.
        """
        content = None if body is None else dumps(body).encode()
        reply = self.run(exchange(self.peer, Request(method, path, content, headers or {})))
        self.peer = self._known_peer
        return reply

    def run(self, plan: Plan[T]) -> T:
        """Whatever the plan returns and raises."""
        return run(plan, self.transport)

    def iterate(self, stream: Stream) -> Generator[Any, None, None]:
        """Whatever the stream emits and raises."""
        return iterate(stream, self.transport)
