"""One kind of repair in one run of the reconciliation: each item by itself, within a time limit."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import TypeVar

import structlog

from activities import metrics

logger = structlog.get_logger(__name__)

Item = TypeVar("Item")

# All kinds run at once, and end before the next run is due.
KIND_PATIENCE = timedelta(seconds=40)
# Some calls to Temporal or AWS with their retries.
ITEM_PATIENCE = timedelta(seconds=15)
_AT_ONCE = 20


class RepairRun:
    """A repair that fails is logged, counted and passed over, so that it keeps no other from being made.

    `made`: how many repairs were made so far.
    """

    def __init__(
        self, kind: str, *, patience: timedelta = KIND_PATIENCE, item_patience: timedelta = ITEM_PATIENCE
    ) -> None:
        """`kind`: what is counted, as words: "invocations started"."""
        self.kind = kind
        self.made = 0
        self._patience = patience
        self._item_patience = item_patience
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def run(self, repair: Callable[["RepairRun"], Awaitable[None]]) -> None:
        """Run `repair` for `patience` at most: the next run of the reconciliation goes on with what is left. Raises
        nothing but cancellation."""
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await repair(self)
        except Exception as error:
            self._pass_over(error)

    async def each(self, items: Iterable[Item], repair: Callable[[Item], Awaitable[bool]]) -> None:
        """Repair the items, up to 20 at once. `repair` returns whether there was anything to repair."""
        await asyncio.gather(*(self._one(item, repair) for item in items))

    async def _one(self, item: Item, repair: Callable[[Item], Awaitable[bool]]) -> None:
        async with self._places:
            try:
                async with asyncio.timeout(self._item_patience.total_seconds()):
                    is_made = await repair(item)
            except Exception as error:
                self._pass_over(error, item=str(item))
            else:
                self.made += is_made

    def _pass_over(self, error: Exception, **what: str) -> None:
        metrics.REPAIRS_NOT_MADE.labels(self.label).inc()
        reason = str(error) or type(error).__name__
        logger.warning("repair_is_not_made", repair=self.kind, reason=reason, **what)

    @property
    def label(self) -> str:
        return self.kind.replace(" ", "_")
