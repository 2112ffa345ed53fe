"""The reconciliation ends few invocations at a time: more may be a mistake, of ours or of an operator's."""

from collections.abc import Sequence

import structlog

from activities import metrics
from catalog.database import Database
from catalog.installation import InstallationRepository
from domain.identifiers import InvocationId

logger = structlog.get_logger(__name__)

# So few are somebody's hand, or rows that are out of order. More at once, and more than a tenth of what runs, are ended
# when somebody says so; and so many in a look.
USUAL_TERMINATIONS = 20
_USUAL_SHARE = 0.1
_MOST_TERMINATIONS = 100


class TerminationGuard:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, kind: str, found: Sequence[InvocationId], *, running: int) -> Sequence[InvocationId]:
        """Those of the invocations that may be ended in this look. `kind`: why they are to end, for whoever is asked;
        `running`: how many there are in all. Raises CatalogIsAway."""
        is_unusual = len(found) > max(USUAL_TERMINATIONS, _USUAL_SHARE * running)
        if is_unusual and not await self._is_released():
            metrics.TERMINATIONS_HELD.labels(kind).set(len(found))
            logger.error(
                "terminations_are_held",
                kind=kind,
                invocations=len(found),
                running=running,
                one_of_them=found[0],
                advice="look at why; if they are to end, run: control-plane allow-terminations",
            )
            return ()
        metrics.TERMINATIONS_HELD.labels(kind).set(0)
        return found[:_MOST_TERMINATIONS]

    async def _is_released(self) -> bool:
        async with self._database.statement() as connection:
            return await InstallationRepository(connection).mass_terminations_are_allowed()
