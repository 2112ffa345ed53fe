"""What must hold of the queue: limits, order, concurrency keys, delays, pauses. A sentence per violation."""

from collections import Counter
from collections.abc import Iterator

from tests.simulation.snapshot import ExecutionState, InvocationState, Snapshot


def violations_of_limits(snapshot: Snapshot) -> Iterator[str]:
    """No more than may run have a slot, and whoever could have one has it."""
    for function_id, function in snapshot.functions.items():
        invocations = snapshot.invocations_of(function_id)
        holding = [one for one in invocations if any(execution.is_live for execution in one.executions)]
        held = Counter(one.concurrency_key for one in holding)
        if held.total() > function.max_concurrency:
            yield f"{function.name} has {held.total()} executions, limit {function.max_concurrency}"
        for key, running in held.items():
            most = max(one.concurrency_limit or 1 for one in holding if one.concurrency_key == key)
            if key is not None and running > most:
                yield f"{function.name} has {running} executions of the key {key}, limit {most}"
        if not function.is_ready or function.is_paused or held.total() >= function.max_concurrency:
            continue
        waiting = next_of(invocations, held)
        if waiting is not None:
            yield f"{function.name} has a free slot, and {waiting.invocation_id} waits"


def next_of(invocations: list[InvocationState], held: Counter[str | None]) -> InvocationState | None:
    """The first in the queue whose key is free. Those with a key go in order."""
    closed: set[str] = set()
    for one in sorted((one for one in invocations if one.waits_with and not one.is_delayed), key=lambda one: one.place):
        key = one.concurrency_key
        if key is None or (key not in closed and held[key] < (one.concurrency_limit or 1)):
            return one
        closed.add(key)
    return None


def violations_of_order(earlier: Snapshot, later: Snapshot) -> Iterator[str]:
    """Who waited for the same attempt in both snapshots waited all the time between: nobody behind it may get a slot,
    but for those who wait for a key: of these nobody with the same one."""
    for function_id, function in later.functions.items():
        invocations = later.invocations_of(function_id)
        new = [one for one in invocations if new_executions(one, earlier)]
        waited = [one for one in invocations if one.waits_with and _waits_since(one, earlier) and not one.is_delayed]
        for key in {one.concurrency_key for one in waited}:
            first = min((one for one in waited if one.concurrency_key == key), key=lambda one: one.place)
            for one in new:
                if one.place > first.place and key in (None, one.concurrency_key):
                    yield f"{one.invocation_id} got a slot before {first.invocation_id}, which waited and comes first"
        if function.is_paused and earlier.functions[function_id].is_paused:
            yield from (f"{one.invocation_id} got a slot, though {function.name} is paused" for one in new)


def violations_of_delays(snapshot: Snapshot) -> Iterator[str]:
    """To a second, as Temporal's clock and PostgreSQL's are two."""
    for one in snapshot.invocations.values():
        if one.executions and (one.executions[0].creation_time - one.waits_from).total_seconds() < -1:
            yield f"{one.invocation_id} began before the end of its delay: {one}"


def new_executions(invocation: InvocationState, earlier: Snapshot) -> tuple[ExecutionState, ...]:
    before = earlier.invocations.get(invocation.invocation_id)
    return invocation.executions[len(before.executions) if before else 0 :]


def _waits_since(invocation: InvocationState, earlier: Snapshot) -> bool:
    before = earlier.invocations.get(invocation.invocation_id)
    return before is not None and before.waits_with == invocation.waits_with
