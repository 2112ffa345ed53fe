"""Lets the reconciliation end few invocations at a time: many may be a mistake, of ours or of an operator's."""

from collections.abc import Sequence

import structlog

from activities import metrics
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.installation import InstallationRepository
from control_plane_server.domain.identifiers import InvocationId

logger = structlog.get_logger(__name__)

# Up to 20, or a tenth of what runs, are ended without being asked for: an operator may have terminated them. More are
# ended only after `control-plane allow-terminations`, at most 100 per run.
USUAL_TERMINATIONS = 20
_USUAL_SHARE = 0.1
_MOST_TERMINATIONS = 100


class TerminationGuard:
    """Admits invocations that the reconciliation may end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, kind: str, found: Sequence[InvocationId], *, running: int) -> Sequence[InvocationId]:
        """Those of the invocations that may be ended in this run. `kind`: why they are to end, a label of a metric;
        `running`: how many invocations run in all. Raises CatalogIsAway."""
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
