"""The newest invocations of a function, over all of its versions."""

import asyncio
from collections.abc import Sequence

from control_plane.cli.lookup import NOT_FOUND
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.answers import ListedInvocation
from control_plane.protocol.paths import function_path

_AT_ONCE = 10


async def newest_invocations(
    connection: AsyncConnection, project: str, function: str, versions: Sequence[str], *, limit: int
) -> list[tuple[str, ListedInvocation]]:
    """With their versions, newest first: any version may have been called a moment ago, as callers pin them.

    `versions` need not all have the function. Raises Refused if none has.
    """
    readers = [_Reader(connection, version, function_path(project, version, function)) for version in versions]
    gate = asyncio.Semaphore(_AT_ONCE)
    behind = readers
    while behind:
        await asyncio.gather(*(reader.read_on(gate) for reader in behind))
        newest = _newest_of(readers, limit=limit)
        oldest_wanted = newest[-1][1].creation_time if len(newest) == limit else 0
        behind = [reader for reader in readers if reader.may_have(oldest_wanted)]
    missing = [reader.missing for reader in readers if reader.missing is not None]
    if missing and len(missing) == len(readers):
        raise missing[0]
    return newest if readers else []


def _newest_of(readers: "Sequence[_Reader]", *, limit: int) -> list[tuple[str, ListedInvocation]]:
    """Of one second, in the order of the readers."""
    found = [(reader.version, invocation) for reader in readers for invocation in reader.invocations]
    return sorted(found, key=lambda pair: -pair[1].creation_time)[:limit]


class _Reader:
    """The invocations of one version, page by page, newest first. `missing`: there is no such function in it."""

    def __init__(self, connection: AsyncConnection, version: str, path: str) -> None:
        self.version = version
        self.invocations: list[ListedInvocation] = []
        self.missing: Refused | None = None
        self._connection = connection
        self._path = path
        self._next_offset: str | None = None

    async def read_on(self, gate: asyncio.Semaphore) -> None:
        query = {"initial_offset": self._next_offset}
        async with gate:
            try:
                page = await self._connection.run(self._connection.api.function_invocations(self._path, query))
            except Refused as error:
                if error.status != NOT_FOUND:
                    raise
                self.missing = error
                return
        self.version = page.version_id
        self.invocations += page.invocations
        self._next_offset = page.next_offset

    def may_have(self, oldest_wanted: int) -> bool:
        """Whether invocations that are not read yet may be as new as that."""
        return self._next_offset is not None and self.invocations[-1].creation_time > oldest_wanted
