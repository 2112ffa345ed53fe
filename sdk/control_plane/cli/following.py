"""An invocation's events as they happen; when the connection breaks, the user is told."""

from collections.abc import AsyncGenerator

from control_plane.cli.output import note
from control_plane.client.connections import AsyncConnection
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.events import Event, events
from control_plane.protocol.paths import invocation_path


def follow(connection: AsyncConnection, invocation: InvocationInfo, *, with_logs: bool) -> AsyncGenerator[Event, None]:
    """Up to `end`. Raises Refused, Unreachable."""
    path = invocation_path(invocation.document)
    return connection.iterate(events(connection.api.peer, path, with_logs=with_logs, report=tell_of_connection))


def tell_of_connection(lost: str | None) -> None:
    """Why it is lost, None once there is one again."""
    if lost is None:
        note("Connected again.")
    else:
        note(f"Lost the connection ({lost}); the work goes on, connecting again …")
