"""The laws of the queue: each lets what is legal pass, and finds the violation that it is there for."""

from dataclasses import replace

from tests.simulation import queue_laws
from tests.simulation.snapshot import InvocationState, Snapshot
from tests.unit.simulation.test_invariants import FUNCTION, OLDER, YOUNGER, at, execution, invocation


def snapshot(*invocations: InvocationState, slots: int = 2, is_paused: bool = False) -> Snapshot:
    function = replace(FUNCTION, max_concurrency=slots, is_paused=is_paused)
    return Snapshot(functions={1: function}, invocations={one.invocation_id: one for one in invocations})


def keyed(state: InvocationState, *, limit: int = 1) -> InvocationState:
    return replace(state, concurrency_key="k", concurrency_limit=limit)


def test_two_of_a_key_at_once_are_found() -> None:
    running = invocation(OLDER, execution()), invocation(YOUNGER, execution(YOUNGER))
    assert not [*queue_laws.violations_of_limits(snapshot(*running))]
    (found,) = queue_laws.violations_of_limits(snapshot(*map(keyed, running)))
    assert "of the key k" in found
    assert not [*queue_laws.violations_of_limits(snapshot(*(keyed(one, limit=2) for one in running)))]


def test_who_waits_for_its_key_or_a_pause_waits_beside_a_free_slot() -> None:
    running, waiting = keyed(invocation(OLDER, execution())), invocation(YOUNGER, waits_with=1)
    assert not [*queue_laws.violations_of_limits(snapshot(running, keyed(waiting)))]
    assert not [*queue_laws.violations_of_limits(snapshot(running, waiting, is_paused=True))]
    (found,) = queue_laws.violations_of_limits(snapshot(running, waiting))
    assert "has a free slot" in found


def test_the_order_is_that_of_priorities_and_of_each_key() -> None:
    first, second = invocation(OLDER, waits_with=1), invocation(YOUNGER, waits_with=1)
    before, after = snapshot(first, second), snapshot(first, invocation(YOUNGER, execution(YOUNGER)))
    (found,) = queue_laws.violations_of_order(before, after)
    assert "which waited and comes first" in found
    begun = after.invocations[YOUNGER]
    assert not [*queue_laws.violations_of_order(before, snapshot(first, replace(begun, priority=9)))]
    assert not [*queue_laws.violations_of_order(before, snapshot(keyed(first), begun))]
    assert [*queue_laws.violations_of_order(before, snapshot(keyed(first), keyed(begun)))]


def test_what_begins_too_early_is_found() -> None:
    paused = snapshot(invocation(waits_with=1), is_paused=True), snapshot(
        invocation(OLDER, execution()), is_paused=True
    )
    (found,) = queue_laws.violations_of_order(*paused)
    assert "though f is paused" in found
    delayed = replace(invocation(OLDER, execution(start=10)), not_before=at(12))
    assert [*queue_laws.violations_of_delays(snapshot(delayed))]
    assert not [*queue_laws.violations_of_delays(snapshot(replace(delayed, not_before=at(11))))]
