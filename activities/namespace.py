"""What a Temporal namespace must have before work begins in it, and must have again if somebody takes it away."""

import structlog
from temporalio.client import Client

from activities.search_attributes import register_search_attributes
from catalog.installation import Installation
from domain.errors import Misconfigured
from workflows.schedule import ensure_schedule

logger = structlog.get_logger(__name__)


class NamespacePreparation:
    """Makes what is missing. What only somebody else may make is told once, and works as soon as it is made."""

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
