"""What could not be delivered to Temporal is done soon after it is back, not at the next minute's reconciliation."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog
from temporalio.client import Client, ScheduleOverlapPolicy
from temporalio.service import RPCError

from liveness.background import in_background
from workflows import naming, policies

logger = structlog.get_logger(__name__)

_CALL_LIMIT = timedelta(seconds=2)
_PAUSE = timedelta(seconds=3)


class Leftovers:
    """Has the reconciliation run once Temporal answers again. One per process; works while it is entered."""

    def __init__(self, client: Client, *, patience: timedelta = policies.START_PATIENCE) -> None:
        """`patience`: what is younger the reconciliation leaves alone."""
        self._client = client
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
            while not await self._have_reconciled():  # noqa: ASYNC110 - Temporal tells nobody that it is back
                await asyncio.sleep(_PAUSE.total_seconds())

    async def _have_reconciled(self) -> bool:
        """False if Temporal is still away."""
        handle = self._client.get_schedule_handle(naming.RECONCILIATION_SCHEDULE_ID)
        try:
            async with asyncio.timeout(_CALL_LIMIT.total_seconds()):
                await handle.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
        except (RPCError, RuntimeError, TimeoutError):  # RuntimeError: a lazy client that could not connect
            return False
        logger.info("reconciliation_is_asked_for")
        return True
