"""Starts the workflows that send webhooks, when ends of invocations have noted deliveries."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import WEBHOOKS_CHANNEL, NotificationListener
from control_plane_server.catalog.webhooks.deliveries import DeliveryRepository
from control_plane_server.domain.errors import CatalogIsAway
from control_plane_server.domain.webhooks import DeliveryTarget
from workflows import starting

logger = structlog.get_logger(__name__)

# One look serves all that is noted meanwhile, so that a workflow is signalled once a second at most by a process.
_PAUSE = timedelta(seconds=1)
_PAGE = 1_000
_AT_ONCE = 20


class DeliveryStarter:
    """Of one process. What it misses the reconciliation starts."""

    def __init__(self, *, client: Client, database: Database, listener: NotificationListener) -> None:
        self._client = client
        self._database = database
        self._listener = listener

    async def watch(self) -> None:
        """For ever. While nothing is noted it asks for nothing."""
        async with self._listener.subscribe((WEBHOOKS_CHANNEL, "")) as noted:
            while True:
                await noted.wait()
                noted.clear()
                try:
                    await self._start_new()
                except CatalogIsAway as error:
                    logger.warning("deliveries_are_not_started", reason=str(error))
                await asyncio.sleep(_PAUSE.total_seconds())

    async def restart(self, target: DeliveryTarget) -> bool:
        """Have what is overdue to the target sent. Returns whether nobody was about to, as no workflow ran. Raises
        RPCError, RuntimeError."""
        if await starting.start_delivery(self._client, target, looks_again=False):
            return True
        # It may wait for what is due later, and have missed what is due now.
        await starting.start_delivery(self._client, target, looks_again=True)
        return False

    async def _start_new(self) -> None:
        while True:
            async with self._database.statement() as connection:
                targets = await DeliveryRepository(connection).announce(at_most=_PAGE)
            if not targets:
                return
            await self._start_all(targets)

    async def _start_all(self, targets: Iterable[DeliveryTarget]) -> None:
        turns = asyncio.Semaphore(_AT_ONCE)

        async def start(target: DeliveryTarget) -> None:
            async with turns:
                try:
                    await starting.start_delivery(self._client, target, looks_again=True)
                except (RPCError, RuntimeError) as error:
                    logger.warning("delivery_is_not_started", project=target.project_name, reason=str(error))

        await asyncio.gather(*map(start, targets))
