"""Makes in a Temporal namespace what our workflows need, before work begins, and again if it is deleted."""

import structlog
from temporalio.client import Client

from activities.search_attributes import register_search_attributes
from control_plane_server.catalog.installation import Installation
from control_plane_server.domain.errors import Misconfigured
from workflows.schedule import ensure_schedule

logger = structlog.get_logger(__name__)


class NamespacePreparation:
    """Makes the search attributes and the schedule if they are missing. Search attributes that this process may not add
    are logged once, with what to do."""

    def __init__(self) -> None:
        self._reported: str | None = None

    async def __call__(self, client: Client, installation: Installation) -> None:
        """Raises RPCError."""
        advice = None
        try:
            await register_search_attributes(client)
        except Misconfigured as error:
            advice = str(error)
        if advice is not None and advice != self._reported:
            logger.error("search_attributes_are_missing", advice=advice)
        self._reported = advice
        await ensure_schedule(client, installation.installation_id)
