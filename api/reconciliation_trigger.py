"""What could not be delivered to Temporal is done soon after it is back, not at the next minute's reconciliation."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog
from temporalio.client import Client, ScheduleOverlapPolicy
from temporalio.service import RPCError

from domain.errors import CatalogIsAway, NamespaceIsNotOurs
from liveness.background import in_background
from orchestration.namespace_link import NamespaceLink
from workflows import naming, policies

logger = structlog.get_logger(__name__)

_CALL_LIMIT = timedelta(seconds=2)
_PAUSE = timedelta(seconds=3)


class ReconciliationTrigger:
    """Has the reconciliation run once Temporal answers again. One per process; works while it is entered."""

    def __init__(
        self,
        client: Client,
        *,
        link: NamespaceLink,
        patience: timedelta = policies.START_PATIENCE,
        pause: timedelta = _PAUSE,
    ) -> None:
        """`link`: nothing is asked of a namespace that is not ours. `patience`: what is younger the reconciliation
        leaves alone. `pause`: between tries."""
        self._client = client
        self._link = link
        self._pause = pause
        self._patience = patience
        self._noted = asyncio.Event()
        self._running = AsyncExitStack()

    def note(self) -> None:
        """Something has been left undone."""
        self._noted.set()

    async def __aenter__(self) -> Self:
        await self._running.enter_async_context(in_background("leftovers", self._go_on))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def _go_on(self) -> None:
        while True:
            await self._noted.wait()
            self._noted.clear()
            await asyncio.sleep(self._patience.total_seconds())
            await self._have_reconciled()

    async def _have_reconciled(self) -> None:
        """As soon as it can be asked for; why it cannot is logged once."""
        is_told = False
        while (problem := await self._problem()) is not None:
            if not is_told:
                logger.warning("reconciliation_cannot_be_asked_for", reason=problem)
            is_told = True
            await asyncio.sleep(self._pause.total_seconds())
        logger.info("reconciliation_is_asked_for")

    async def _problem(self) -> str | None:
        """Why the reconciliation could not be asked for; None if it was. Compared before: what was away may come back
        as another namespace."""
        handle = self._client.get_schedule_handle(naming.RECONCILIATION_SCHEDULE_ID)
        try:
            async with asyncio.timeout(_CALL_LIMIT.total_seconds()):
                await self._link.check()
                await handle.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
        except (RPCError, RuntimeError, TimeoutError, CatalogIsAway, NamespaceIsNotOurs) as error:
            return str(error) or "no answer"  # RuntimeError: a lazy client that could not connect
        return None
