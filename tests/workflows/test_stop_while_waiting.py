"""A stop while the execution's activity waits for its turn. A workflow that closes before its activities have ended
keeps the time-skipping server from skipping for good: here is one of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.workflows.conftest import open_time_skipping
from tests.workflows.scripted_invocations import REFUSED, Container, InvocationStarter


@pytest.fixture(scope="module")
async def start_invocation() -> AsyncIterator[InvocationStarter]:
    async with open_time_skipping() as environment:
        yield InvocationStarter(environment.client, environment.get_current_time)


async def test_a_stop_does_not_wait_for_an_execution_that_nothing_will_take_up(
    start_invocation: InvocationStarter,
) -> None:
    """Its activity may wait for its turn in a process that is full for days."""
    waiting = Container(REFUSED)
    async with start_invocation(waiting, is_claimed=False) as it:
        await waiting.started.wait()
        await it.handle.cancel()
        await it.is_cancelled()
        assert not waiting.released.is_set()
        waiting.released.set()
    assert (len(it.activities.stops), len(it.activities.endings)) == (1, 1)
