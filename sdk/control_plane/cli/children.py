"""Those that an invocation has started: how many of them stand how, and the ones to look at."""

from collections.abc import Mapping
from contextlib import aclosing

from control_plane.client.connections import AsyncConnection
from control_plane.client.listing import ProjectInvocation
from control_plane.errors import Refused
from control_plane.protocol.paths import Query, project_path

NOT_SUCCEEDED = ("FAILED", "TIMED_OUT", "ABORTED", "CANCELLED")
_NOT_FOUND = 404


async def child_counts(connection: AsyncConnection, project: str, parent: str) -> Mapping[str, int]:
    """By state; empty if a release before this one answers, which does not count."""
    try:
        return await connection.run(connection.api.counts(project, {"parent_invocation_id": parent}))
    except Refused as error:
        if error.status != _NOT_FOUND:
            raise
        return {}


async def children_of(
    connection: AsyncConnection,
    project: str,
    parent: str,
    *,
    limit: int,
    outcomes: tuple[str, ...] = (),
) -> list[ProjectInvocation]:
    """The newest first. `outcomes`: only those that have ended so."""
    query: Query = {"parent_invocation_id": parent, "outcome": outcomes or None, "max_results": min(limit, 200)}
    found: list[ProjectInvocation] = []
    stream = connection.iterate(connection.api.pages(project_path(project) + "/invocations", "invocations", query))
    async with aclosing(stream):
        async for document in stream:
            found.append(ProjectInvocation(document))
            if len(found) == limit:
                break
    return found
