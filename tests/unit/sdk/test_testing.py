"""`control_plane.testing.local`: functions that call others, without a server."""

import datetime
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import control_plane as cp
import pytest
from control_plane.context import execution_id_of

from control_plane_server.domain.identifiers import InvocationId, execution_id_for


@cp.function
def square(number: int) -> dict[str, Any]:
    if number < 0:
        raise ValueError("negative")
    return {"square": number**2, "on": datetime.date(2026, 1, 2)}


@cp.function
def total(numbers: list[int]) -> int:
    calls = [square.submit(number) for number in numbers]
    return sum(call.result()["square"] for call in cp.as_completed(calls))


@cp.function
async def later(number: int) -> int:
    return number + 1


@cp.function
def steps(to: int) -> Iterator[int]:
    yield from range(to)


@cp.function(timeout=600)
def about() -> list[Any]:
    now = cp.current()
    left = now.deadline - datetime.datetime.now(datetime.UTC)
    return [now.function_name, now.attempt, now.invocation_id, now.execution_id, round(left.total_seconds() / 600)]


def test_a_parent_runs_as_it_is() -> None:
    with cp.testing.local():
        assert total([1, 2, 3]) == 14
        assert total.submit([1, 2]).result() == 5
        assert cp.submit("total", [3]).result() == 9


def test_results_are_plain_json() -> None:
    with cp.testing.local():
        assert square.submit(2).result() == {"square": 4, "on": "2026-01-02"}
        assert [result["square"] for result in square.map([1, 2])] == [1, 4]
        assert [result["square"] for result in square.starmap([(1,), (2,)], ordered=False)] == [1, 4]
        assert cp.gather(square.submit(3), later.submit(1)) == [{"square": 9, "on": "2026-01-02"}, 2]


def test_failures_are_those_of_invocations() -> None:
    with cp.testing.local():
        call = square.submit(-1)
        assert (call.done(), call.status()) == (True, "FAILED")
        with pytest.raises(cp.InvocationFailed, match="ValueError: negative") as caught:
            call.result()
        assert (caught.value.type, caught.value.invocation_id) == ("ValueError", call.id)
        with pytest.raises(cp.InvocationFailed):
            [*square.map([1, -1])]
        both = [*square.map([1, -1], return_exceptions=True)]
        assert isinstance(both[1], cp.InvocationFailed)
        assert isinstance(cp.gather(call, return_exceptions=True)[0], cp.InvocationFailed)


def test_wrong_arguments_and_names_are_found() -> None:
    with cp.testing.local():
        with pytest.raises(TypeError, match=r"square\(\): number is 'x', but must be integer"):
            square.submit("x")  # type: ignore[arg-type]
        with pytest.raises(cp.Refused, match=r"there is no function 'sqare'; there are .*square"):
            cp.submit("sqare", 1)


def test_others_may_stand_for_functions() -> None:
    with cp.testing.local(square=lambda number: {"square": 0}):
        assert total([1, 2, 3]) == 0


def test_progress_and_asynchronous_functions() -> None:
    with cp.testing.local():
        call = steps.submit(3)
        assert ([*call.progress()], call.result()) == ([0, 1, 2], None)

        async def parent() -> int:
            return later.submit(4).result()

        assert later.submit(1).result() == 2
        with cp.testing.local(parent=parent):
            assert cp.submit("parent").result() == 5


def test_each_call_is_told_what_it_is() -> None:
    with cp.testing.local():
        outside = cp.current()
        call = about.submit()
        assert call.result() == ["about", 1, call.id, execution_id_of(call.id, 1), 1]
        assert cp.current().invocation_id == outside.invocation_id
        assert about()[0] == "local"


def test_threads_call_at_the_same_time() -> None:
    with cp.testing.local(), ThreadPoolExecutor(4) as pool:
        for call, told in pool.map(lambda _: (made := about.submit(), made.result()), range(20)):
            assert told[2] == call.id
        assert pool.submit(cp.current).result().function_name == "local"


async def test_an_asynchronous_child_of_asynchronous_code_is_told_what_it_is() -> None:
    async def told() -> str:
        return cp.current().invocation_id

    with cp.testing.local(told=told):
        call = cp.submit("told")
        assert call.result() == call.id


def test_equal_keys_are_one_call() -> None:
    with cp.testing.local():
        options = cp.Options(idempotency_key="k")
        first, second = (square.with_options(options).submit(2) for _ in range(2))
        assert first.id == second.id != square.submit(2).id


def test_attempts_are_told_as_the_control_plane_counts_them() -> None:
    for attempt in (1, 2, 77):
        assert execution_id_of("inv-1", attempt) == execution_id_for(InvocationId("inv-1"), attempt)


@cp.function
def go_on(fail_at: int | None = None) -> list[int]:
    state = cp.checkpoint.load({"done": []})
    done = list(state["done"])
    for step in range(len(done), 3):
        if step == fail_at:
            raise InterruptedError
        done.append(step)
        cp.checkpoint.save({"done": tuple(done)})
    return done


def test_a_checkpoint_is_kept_while_the_block_runs() -> None:
    for _ in range(2):
        with cp.testing.local():
            assert cp.checkpoint.load() is None
            with pytest.raises(InterruptedError):
                go_on(fail_at=2)
            assert cp.checkpoint.load() == {"done": [0, 1]}
            assert go_on() == [0, 1, 2]
            child = go_on.submit(fail_at=1)  # another invocation, with one of its own
            with pytest.raises(cp.InvocationFailed):
                child.result()
            assert cp.checkpoint.load() == {"done": [0, 1, 2]}


def test_a_block_within_a_block_has_a_checkpoint_of_its_own() -> None:
    with cp.testing.local():
        with cp.testing.local():
            cp.checkpoint.save("inner")
        assert cp.checkpoint.load() is None
        cp.checkpoint.save("outer")
    with cp.testing.local():
        assert cp.checkpoint.load() is None


def test_a_plain_call_has_one_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InterruptedError):
        go_on(fail_at=1)
    assert go_on() == [0, 1, 2]
    cp.checkpoint.save({"done": []})
    monkeypatch.setattr(cp.checkpoint, "MAX_LARGE_CHECKPOINT_BYTES", 18_000)
    with pytest.raises(ValueError, match="has 18,002 bytes of JSON, and at most 18,000 are possible"):
        cp.checkpoint.save("é" * 9_000)
    assert cp.checkpoint.load() == {"done": []}
