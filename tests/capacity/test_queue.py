"""What a long queue costs: next to nothing, and nothing to others."""

import asyncio
import statistics

import pytest
from sqlalchemy import func, select

from control_plane_server.catalog.tables import WaitingExecutionRow
from tests.capacity.conftest import Stack
from tests.capacity.measures import answer_time, best_of_rounds, cpu_share
from tests.e2e.project import lines_of
from tests.figures import Show

WAITING = 400
_SUBMITTERS = 8  # more wait longer for a busy Temporal than the API is willing to
_WINDOW_SECONDS = 10.0
_TRIALS = 20


@pytest.fixture(scope="module")
async def queue(loaded: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One invocation holds the only slot of its function, and hundreds wait behind it."""
    notes = tmp_path_factory.mktemp("queue") / "notes"
    await loaded.project.invoke("hold", notes=str(notes))
    await lines_of(notes)
    numbers = iter(range(WAITING))

    async def submit() -> None:
        for _ in numbers:
            await loaded.project.invoke("hold", notes=str(notes))

    await asyncio.gather(*(submit() for _ in range(_SUBMITTERS)))
    async with loaded.catalog.statement() as connection:
        while await connection.scalar(select(func.count()).select_from(WaitingExecutionRow)) != WAITING:
            await asyncio.sleep(0.1)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("queue")
async def test_waiting_costs_the_loop_next_to_nothing(loaded: Stack, show: Show) -> None:
    async def measure() -> float:
        return await cpu_share(loaded.loop, seconds=_WINDOW_SECONDS)

    share = await best_of_rounds(measure, bound=0.02)
    show(f"{WAITING} invocations wait: the loop process uses {share:.2%} of a core")
    assert share < 0.02


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("queue")
async def test_a_queue_does_not_delay_another_function(loaded: Stack, idle: Stack, show: Show) -> None:
    async def measure() -> float:
        with_queue, without = [], []
        for _ in range(_TRIALS):
            without.append(await answer_time(idle.project))
            with_queue.append(await answer_time(loaded.project))
        medians = statistics.median(with_queue), statistics.median(without)
        show(f"a fresh invocation, median of {_TRIALS}: {medians[0]:.3f} s beside {WAITING} waiting ones,")
        show(f"{medians[1]:.3f} s without them, ratio {medians[0] / medians[1]:.2f}")
        return medians[0] / medians[1]

    assert await best_of_rounds(measure, bound=1.5) < 1.5
