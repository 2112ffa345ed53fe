"""What is asked of a part of a project that has a name there: a schedule, a webhook."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from shlex import quote

from control_plane.access.errors import CannotBeDone
from control_plane.cli.lookup import explained
from control_plane.cli.references import Reference
from control_plane.cli.session import connect
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused


@asynccontextmanager
async def connected_to(noun: str, name: str, *, project: str, api_url: str | None) -> AsyncIterator[AsyncConnection]:
    """A connection by which it is asked for. `noun`: what it is, in the singular. Raises CannotBeDone, with how those
    that there are can be listed, if there is none."""
    async with connect(api_url) as connection, explained(connection, Reference(project=project)):
        try:
            yield connection
        except Refused as error:
            if error.code != f"{noun.capitalize()}DoesNotExist":
                raise
            raise CannotBeDone(
                f"project {project!r} has no {noun} {name!r}; "
                f"list them with: control-plane {noun}s list {quote(project)}"
            ) from error
