"""What is done one at a time, on a system that has nothing else to do."""

import asyncio

# Temporal's development server hands out a workflow task up to 50 ms later when the one before is not long gone.
_PAUSE_SECONDS = 0.3


async def until_at_rest() -> None:
    """Before every trial."""
    await asyncio.sleep(_PAUSE_SECONDS)
