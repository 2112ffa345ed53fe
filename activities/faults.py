"""When to try again what failed while a container is watched."""

import asyncio
import random
from datetime import timedelta

import structlog

from control_plane_server.domain.containers import Container

logger = structlog.get_logger(__name__)


class Faults:
    """When to try again what failed: later each time, with jitter, as hundreds may wait for the same thing."""

    def __init__(self, container: Container, *, first_pause: timedelta, longest_pause: timedelta) -> None:
        self._container = container
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self.clear()

    def clear(self) -> None:
        self._pause = timedelta()
        self.retry_at: float | None = None

    def note(self, error: Exception) -> None:
        """Lengthen the pause. Logs whenever it has become longer."""
        pause = min(2 * self._pause, self._longest_pause) or self._first_pause
        if pause > self._pause:
            logger.warning(
                "container_may_linger", container=str(self._container.name), reason=str(error) or "no answer"
            )
        self._pause = pause
        self.retry_at = after(pause * random.uniform(0.5, 1))


def after(time: timedelta) -> float:
    """The time of the event loop's clock so far from now."""
    return asyncio.get_running_loop().time() + time.total_seconds()
