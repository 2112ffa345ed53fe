"""The housekeeping of a Docker engine: what cannot be done to one container is done to the others."""

import asyncio
from datetime import timedelta
from typing import Any, cast

from control_plane_server.provisioners.docker.configuration import DockerConfiguration
from control_plane_server.provisioners.docker.engine import Engine
from control_plane_server.provisioners.docker.housekeeping import Housekeeping
from control_plane_server.provisioners.docker.notes import Notes
from control_plane_server.provisioners.docker.requests import CONTAINER

OVERDUE = frozenset({"exe-a-1", "exe-b-1", "exe-c-1"})


class Shelf:
    """An engine and its notes, with three containers that outstay their grace: one of which nothing can be done to."""

    def __init__(self) -> None:
        self.killed: set[str] = set()
        self.rounds = 0
        self.has_done_rounds = asyncio.Event()

    async def containers(self, labels: object, *, status: str | None = None) -> list[dict[str, Any]]:
        self.rounds += 1
        if self.rounds == 2:
            self.has_done_rounds.set()
        return [{"Labels": {CONTAINER: container}} for container in sorted(OVERDUE)]

    async def overdue(self) -> frozenset[str]:
        return OVERDUE

    async def kill(self, identifier: str, signal: str) -> bool:
        if identifier == "exe-b-1":
            raise ZeroDivisionError
        self.killed.add(identifier)
        return True


def housekeeping(shelf: Shelf) -> Housekeeping:
    configuration = cast(DockerConfiguration, _Configuration())
    return Housekeeping(cast(Engine, shelf), cast(Notes, shelf), configuration, call_limit=timedelta(seconds=0.2))


class _Configuration:
    installation = "tests"
    retention = timedelta(days=1)


async def test_one_that_cannot_be_killed_spares_none_of_the_others_and_the_rounds_go_on() -> None:
    shelf = Shelf()
    async with asyncio.timeout(10), housekeeping(shelf).keep_housekeeping():
        await shelf.has_done_rounds.wait()
    assert shelf.killed == OVERDUE - {"exe-b-1"}


class StickyShelf(Shelf):
    """A hundred containers: nothing is ever said of any but the last ones."""

    on_it = frozenset(f"exe-{number:02}-1" for number in range(100))
    answering = frozenset({"exe-98-1", "exe-99-1"})

    def __init__(self) -> None:
        super().__init__()
        self.under_way = 0
        self.most_under_way = 0

    async def containers(self, labels: object, *, status: str | None = None) -> list[dict[str, Any]]:
        return [{"Labels": {CONTAINER: container}} for container in sorted(self.on_it)]

    async def overdue(self) -> frozenset[str]:
        return self.on_it

    async def kill(self, identifier: str, signal: str) -> bool:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if identifier not in self.answering:
                await asyncio.Event().wait()
            self.killed.add(identifier)
        finally:
            self.under_way -= 1
        return True


async def test_those_that_hang_keep_no_other_from_being_killed_however_many_they_are() -> None:
    shelf = StickyShelf()
    async with asyncio.timeout(10):
        await housekeeping(shelf).kill_overdue()
    assert shelf.killed == shelf.answering
    assert shelf.most_under_way == 10
