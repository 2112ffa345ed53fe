"""Temporal loses its state once, in the middle of everything; somebody notices, and has the empty one adopted."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import httpx2
from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError

from control_plane_server.cli.stack.folder import DataFolder
from control_plane_server.domain.errors import CatalogIsAway, NamespaceIsNotOurs
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.orchestration.namespace_link import adopt_namespace, compare
from control_plane_server.orchestration.payloads import data_converter
from tests.chaos.ledger import Ledger
from tests.chaos.stack import ChaosStack

_LOOK_SECONDS = 0.05
# An `api` that runs says so after ten seconds, and one that begins does not begin: all may be down by other faults.
_NOTICED_WITHIN = timedelta(seconds=20)


class Replacement:
    def __init__(self, stack: ChaosStack, ledger: Ledger) -> None:
        self._stack = stack
        self._ledger = ledger

    async def make(self, *, after: timedelta) -> None:
        await asyncio.sleep(after.total_seconds())
        self._ledger.has_another_temporal = True
        await self._lose_state()
        await self._until_told()
        await self._adopt()
        self._ledger.has_another_temporal = False

    async def _lose_state(self) -> None:
        while not self._stack.temporal.kill(downtime=2.0):  # it may be down for another reason
            await asyncio.sleep(_LOOK_SECONDS)
        while self._stack.temporal.pid() is not None:
            await asyncio.sleep(_LOOK_SECONDS)
        state = DataFolder(self._stack.folder).temporal_database
        for file in state.parent.glob(f"{state.name}*"):
            file.unlink()

    async def _until_told(self) -> None:
        """Or nobody could."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_NOTICED_WITHIN.total_seconds()), httpx2.AsyncClient(trust_env=False) as http:
                while not await self._is_told(http):
                    await asyncio.sleep(_LOOK_SECONDS)

    async def _is_told(self, http: httpx2.AsyncClient) -> bool:
        for url in self._stack.api_urls:
            with suppress(httpx2.HTTPError):
                if (await http.get(f"{url}/health/ready")).json()["temporal"] == "not ours":
                    return True
        return False

    async def _adopt(self) -> None:
        """As often as it takes while other servers are struck; what has ended by now has no workflow any more."""
        while True:
            try:
                client = await Client.connect(self._stack.accesses[0].temporal_address, data_converter=data_converter)
                try:
                    await compare(client, self._stack.database, may_link=False)
                except NamespaceIsNotOurs:
                    await adopt_namespace(client, self._stack.database)
                self._ledger.forgotten_by_temporal |= await self._ended()
            except (RPCError, RuntimeError, CatalogIsAway):
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                return

    async def _ended(self) -> set[InvocationId]:
        async with self._stack.database.statement() as connection:
            found = await connection.scalars(text("SELECT invocation_id FROM invocations WHERE status = 'TERMINATED'"))
            return {InvocationId(invocation_id) for invocation_id in found}
