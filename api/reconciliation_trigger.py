"""Has requests that failed while Temporal was away repeated soon after it is back, not only by the next scheduled
reconciliation."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog
from temporalio.client import Client, ScheduleOverlapPolicy
from temporalio.service import RPCError

from control_plane_server.domain.errors import CatalogIsAway, NamespaceIsNotOurs
from control_plane_server.liveness.background import in_background
from control_plane_server.orchestration.namespace_link import NamespaceLink
from workflows import naming, policies

logger = structlog.get_logger(__name__)

_CALL_LIMIT = timedelta(seconds=2)
_PAUSE = timedelta(seconds=3)


class ReconciliationTrigger:
    """Triggers the reconciliation once Temporal answers again. One per process; works while it is entered."""

    def __init__(
        self,
        client: Client,
        *,
        link: NamespaceLink,
        patience: timedelta = policies.START_PATIENCE,
        pause: timedelta = _PAUSE,
    ) -> None:
        """`link`: nothing is triggered in a namespace that is not ours. `patience`: the wait before the first try, as
        the reconciliation leaves younger rows alone. `pause`: between tries."""
        self._client = client
        self._link = link
        self._pause = pause
        self._patience = patience
        self._is_needed = asyncio.Event()
        self._running = AsyncExitStack()

    def note(self) -> None:
        """A request was left to the reconciliation."""
        self._is_needed.set()

    async def __aenter__(self) -> Self:
        await self._running.enter_async_context(in_background("reconciliation trigger", self._run))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._running.aclose()

    async def _run(self) -> None:
        while True:
            await self._is_needed.wait()
            self._is_needed.clear()
            await asyncio.sleep(self._patience.total_seconds())
            await self._trigger_when_possible()

    async def _trigger_when_possible(self) -> None:
        """Try until it is triggered. The first failure is logged."""
        is_logged = False
        while (problem := await self._try_to_trigger()) is not None:
            if not is_logged:
                logger.warning("reconciliation_cannot_be_asked_for", reason=problem)
            is_logged = True
            await asyncio.sleep(self._pause.total_seconds())
        logger.info("reconciliation_is_asked_for")

    async def _try_to_trigger(self) -> str | None:
        """Trigger it, and return None, or why that failed. The namespace is compared first: Temporal may be back with
        another one."""
        handle = self._client.get_schedule_handle(naming.RECONCILIATION_SCHEDULE_ID)
        try:
            async with asyncio.timeout(_CALL_LIMIT.total_seconds()):
                await self._link.check()
                await handle.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
        except (RPCError, RuntimeError, TimeoutError, CatalogIsAway, NamespaceIsNotOurs) as error:
            return str(error) or "no answer"  # RuntimeError: a lazy client that could not connect
        return None
