"""One kind of repair in one look of the reconciliation: each item by itself, within a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import TypeVar

import structlog

from activities import metrics

logger = structlog.get_logger(__name__)

Item = TypeVar("Item")

# All kinds are looked after at once, and are done before the next look is due.
KIND_PATIENCE = timedelta(seconds=40)
# Some calls of Temporal or AWS, each of which tries again by itself.
ITEM_PATIENCE = timedelta(seconds=15)
_AT_ONCE = 20


class RepairRun:
    """What cannot be repaired is logged, counted and passed over: it spoils nobody else's repair."""

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
        """All of it, for as long as it may take: the next look goes on with what is left."""
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await repair(self)
        except Exception as error:
            self._pass_over(error)

    async def each(self, items: Iterable[Item], repair: Callable[[Item], Awaitable[bool]]) -> None:
        """Repair the items, some of them at once. `repair` tells whether there was anything to repair."""
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
