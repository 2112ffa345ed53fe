"""How soon a cancellation reaches the container."""

import statistics
import time
from pathlib import Path

from tests.capacity.conftest import Stack
from tests.capacity.measures import best_of_rounds
from tests.e2e.project import lines_of
from tests.figures import Show

_TRIALS = 20


async def test_a_cancellation_reaches_the_container_at_once(idle: Stack, tmp_path: Path, show: Show) -> None:
    async def measure() -> float:
        delays = [await _delay(idle, tmp_path / f"notes-{time.monotonic_ns()}") for _ in range(_TRIALS)]
        median, longest = statistics.median(delays), max(delays)
        show(
            f"cancel to SIGTERM in the container, {_TRIALS} trials: median {median:.3f} s, at most {longest:.3f} s",
        )
        return median

    assert await best_of_rounds(measure, bound=0.5) < 0.5


async def _delay(stack: Stack, notes: Path) -> float:
    """Seconds from the request to cancel until the function hears of it; then it has ended."""
    invocation_id = await stack.project.invoke("hold", notes=str(notes))
    await lines_of(notes)
    start = time.time()
    await stack.project.cancel("hold", invocation_id)
    _, stopped = await lines_of(notes, at_least=2)
    await stack.project.ended("hold", invocation_id)
    return float(stopped) - start
