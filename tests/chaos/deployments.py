"""Versions that follow one another while all else happens, and a project that comes and goes: what is kept ready for
the one before must go, and at the end all."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.domain.errors import CatalogIsAway
from tests.chaos import plan
from tests.chaos.client import ApiClient
from tests.chaos.ledger import Ledger

_LOOK_SECONDS = 0.25
_PASSING = "passing"
_PASSING_REUSE: Mapping[str, Mapping[str, Any]] = {"answer": {"idle_seconds": 60, "min_idle": 2}}
_GAPS = (10.0, 25.0)
# The longest time of being idle, a poll, and the reconciliation's minute, patience and the container's grace.
_GONE_WITHIN = timedelta(seconds=150)


class Deployments:
    """`reuse`: of the functions that have it."""

    def __init__(
        self,
        api: ApiClient,
        image: str,
        database: Database,
        ledger: Ledger,
        *,
        reuse: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._api = api
        self._image = image
        self._database = database
        self._ledger = ledger
        self._reuse = reuse

    async def make(self, *, must_succeed: bool = False) -> None:
        """A version of all functions; at the beginning and at the end, once it is READY."""
        version_id = await self._api.deploy(plan.definition(self._image, reuse=self._reuse))
        while must_succeed and version_id is None:
            await asyncio.sleep(_LOOK_SECONDS)
            version_id = await self._api.deploy(plan.definition(self._image, reuse=self._reuse))
        while must_succeed and version_id is not None and not await self._api.is_ready(version_id):
            await asyncio.sleep(_LOOK_SECONDS)

    async def run(self, seed: int) -> None:
        """Until it is cancelled."""
        rng = random.Random(f"{seed} deployments")
        while True:
            await asyncio.sleep(rng.uniform(*_GAPS))
            await self.make()
            await asyncio.sleep(rng.uniform(*_GAPS))
            await self._pass(rng.uniform(2.0, 15.0))

    async def end_all(self, report: Callable[[str], None]) -> None:
        """After all invocations have ended: nothing is kept ready any more, and all that was is gone in time."""
        self._reuse = {
            name: {key: value for key, value in reuse.items() if key != "min_idle"}
            for name, reuse in self._reuse.items()
        }
        await self.make(must_succeed=True)
        while not await self._api.undeploy(_PASSING) and not await self._api.is_gone(_PASSING):
            await asyncio.sleep(_LOOK_SECONDS)
        report("waiting for idle containers to go")
        open_ones: list[str] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(_GONE_WITHIN.total_seconds()):
                while (open_ones := await self._open_ones()) or not await self._api.is_gone(_PASSING):
                    await asyncio.sleep(_LOOK_SECONDS)
                return
        self._ledger.violation(f"not gone after {_GONE_WITHIN}, or their project is not: {open_ones}")

    async def _pass(self, seconds: float) -> None:
        """A project that keeps containers ready, and is deleted, whatever is just struck."""
        definition = plan.definition(self._image, reuse=_PASSING_REUSE)
        await self._api.deploy(definition, project=_PASSING)
        await asyncio.sleep(seconds)
        await self._api.undeploy(_PASSING)

    async def _open_ones(self) -> list[str]:
        try:
            async with self._database.statement() as connection:
                found = await connection.scalars(text(_OPEN))
                return list(found)
        except CatalogIsAway:
            return ["the catalog is away"]


_OPEN = "SELECT container_id || ' ' || state FROM warm_containers WHERE state <> 'CLOSED'"
