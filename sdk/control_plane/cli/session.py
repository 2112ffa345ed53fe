"""The server that a command talks to."""

from control_plane.access.resolution import find_server
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.waiting import Patience

# Nobody listens: as long as a stack takes to start its API again. The server is there but cannot answer: longer.
PATIENCE = Patience(5.0, 30.0)


def connect(api_url: str | None) -> AsyncConnection:
    """`api_url`: of the option. Raises CannotBeDone if there is no server, or no key for it."""
    return AsyncConnection(find_server(api_url), PATIENCE)
