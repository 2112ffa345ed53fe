"""Calls of other functions from the user's code."""

import json

import pytest
from control_plane.context import execution_id_of

from tests.sdk.api_stub import Document, StubState
from tests.sdk.conftest import StartContainer


def succeed(_function: str, text: str) -> Document:
    arguments = json.loads(text)
    number = arguments["n"] if isinstance(arguments, dict) else arguments[0]
    return {"outcome": "SUCCEEDED", "output": str(number**2)}


def test_results_of_children(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = succeed
    container = start_container("""
        import control_plane as cp

        def f():
            children = [cp.submit('square', n=n) for n in range(4)]
            first = next(cp.as_completed(children))
            completed = list(cp.as_completed(children))
            results = [child.result() for child in children]
            return [first in children, len(completed), all(c.done() for c in children), results, cp.gather(*children)]
        """)
    assert json.loads(container.report()["final_output"]) == [True, 4, True, [0, 1, 4, 9], [0, 1, 4, 9]]
    parents = [child["parent_invocation"] for child in state.children.values()]
    assert parents == [{"function_name": "f", "invocation_id": "inv-p"}] * 4


def test_equal_calls_are_different_children_and_a_repeated_request_is_not(
    state: StubState, start_container: StartContainer
) -> None:
    state.answer_child = succeed
    state.faults.lost["POST /invocations"] = 1
    container = start_container("""
        from concurrent.futures import ThreadPoolExecutor
        import control_plane as cp

        def f():
            with ThreadPoolExecutor(4) as pool:
                children = list(pool.map(lambda _: cp.submit('square', n=2), range(4)))
            return [child.result() for child in children]
        """)
    assert json.loads(container.report()["final_output"]) == [4, 4, 4, 4]
    assert len(state.children) == 4


@pytest.mark.parametrize("call", ["cp.submit('square', n=3).result()", "list(cp.calls.map('square', [(3,), (3,)]))[1]"])
def test_a_restarted_container_finds_its_children(state: StubState, start_container: StartContainer, call: str) -> None:
    state.answer_child = succeed
    source = f"import control_plane as cp\nimport control_plane.calls\ndef f():\n    return {call}"
    assert start_container(source).report()["final_output"] == "9"
    count = len(state.children)
    state.report = None
    state.starts.clear()
    assert start_container(source).report()["final_output"] == "9"
    assert len(state.children) == count


def test_calls_with_the_same_key_are_one_child(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = succeed
    container = start_container("""
        import control_plane as cp

        def f():
            options = cp.Options(idempotency_key='k')
            calls = [cp.submit('square', n=3, options=options) for _ in range(3)]
            first = calls[0].result()
            more = [cp.submit('square', n=3, options=options) for _ in range(3)]
            return [first, cp.gather(*calls, *more, *more), len({call.id for call in calls + more})]
        """)
    assert json.loads(container.report()["final_output"]) == [9, [9] * 9, 1]


def test_a_failed_child_raises(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = lambda _function, _text: {
        "outcome": "FAILED",
        "error_message": "ValueError: no",
        "error_traceback": "Traceback …\n",
    }
    report = start_container("import control_plane as cp\ndef f(): return cp.submit('g').result()").report()
    assert report["error_message"] == "InvocationFailed: ValueError: no (inv-0)"
    assert "Traceback …" in report["error_traceback"]


def test_a_timeout_while_waiting_and_a_cancel(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = lambda _function, _text: {}
    container = start_container("""
        import control_plane as cp

        def f():
            child = cp.submit('g')
            try:
                child.result(timeout=0.1)
            except TimeoutError:
                pass
            try:
                list(cp.as_completed([child], timeout=0.1))
            except TimeoutError:
                child.cancel()
                return [child.done(), child.status()]
        """)
    assert json.loads(container.report()["final_output"]) == [False, "RUNNING"]
    assert any(request.endswith("/cancel") for request in state.requests)


@pytest.mark.parametrize(
    ("output", "result"),
    [("NaN", "'NaN'"), ("1e400", "NumberIsLost"), ("[1.5]", "[1.5]"), ("plain text", "'plain text'"), ("-1", "-1")],
)
def test_what_a_command_said_is_json_or_text_as_it_is(
    state: StubState, start_container: StartContainer, output: str, result: str
) -> None:
    state.answer_child = lambda _function, _text: {"outcome": "SUCCEEDED", "output": output}
    container = start_container("""
        import control_plane as cp

        def f():
            try:
                return repr(cp.submit('g').result())
            except ValueError as error:
                return type(error).__name__
        """)
    assert json.loads(container.report()["final_output"]) == result


@pytest.mark.parametrize("arguments", ["float('nan')", "[float('inf')]", "object()", "{1: 2, '1': 3}"])
def test_arguments_that_are_no_json_start_nothing(
    state: StubState, start_container: StartContainer, arguments: str
) -> None:
    source = f"import control_plane as cp\ndef f(): cp.submit('g', {arguments})"
    assert start_container(source).report()["error_message"].startswith("TypeError: arguments[0]")
    assert state.children == {}


def test_arguments_that_the_function_does_not_take_start_nothing(
    state: StubState, start_container: StartContainer
) -> None:
    report = start_container("""
        import control_plane as cp

        @cp.function
        def g(width: int): ...

        def f(): g.submit(hight=1)
        """).report()
    assert report["error_message"] == "TypeError: g() has no argument 'hight'; it has width"
    assert state.children == {}


def test_an_unknown_function_is_answered_with_those_there_are(
    state: StubState, start_container: StartContainer
) -> None:
    for call in ("cp.submit('sqare')", "list(cp.calls.map('sqare', [(1,)]))"):
        state.report = None
        state.starts.clear()
        source = f"import control_plane as cp\nimport control_plane.calls\ndef f(): {call}"
        report = start_container(source).report()
        assert (
            report["error_message"]
            == "Refused: there is no function 'sqare' in this version; there are anneal, echo, f, g, square"
        )


def test_inputs_are_mapped_in_order_or_as_they_end(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = succeed
    state.cut_after = 3  # the stream breaks off and goes on
    container = start_container("""
        import control_plane as cp

        @cp.function
        def square(n): ...

        def f():
            ordered = list(square.map(range(5)))
            unordered = list(square.map(range(5), ordered=False))
            return [ordered, unordered, list(square.starmap([(7,)])), list(square.map([]))]
        """)
    in_order = [0, 1, 4, 9, 16]
    assert json.loads(container.report()["final_output"]) == [in_order, in_order[::-1], [49], []]
    assert [len(batch) for batch in state.batches.values()] == [5, 5, 1]


def test_a_failure_among_many_is_raised_in_its_turn_or_given(state: StubState, start_container: StartContainer) -> None:
    def some_fail(function: str, text: str) -> Document:
        if json.loads(text)["n"] == 1:
            return {"outcome": "FAILED", "error_message": "ValueError: one"}
        return succeed(function, text)

    state.answer_child = some_fail
    container = start_container("""
        import control_plane as cp

        @cp.function
        def square(n): ...

        def f():
            found = []
            try:
                for result in square.map(range(3)):
                    found.append(result)
            except cp.InvocationFailed as error:
                found.append(error.type)
            return found + [str(result) for result in square.map(range(3), return_exceptions=True)]
        """)
    assert json.loads(container.report()["final_output"]) == [0, "ValueError", "0", "ValueError: one (inv-4)", "4"]


def test_what_comes_later_is_awaited_beside_what_is_awaited_already(
    state: StubState, start_container: StartContainer
) -> None:
    state.answer_child = lambda function, text: {} if function == "g" else succeed(function, text)
    container = start_container("""
        import threading
        import control_plane as cp

        def f():
            endless = cp.submit('g')
            waiting = threading.Thread(target=endless.result, daemon=True)
            waiting.start()
            return [cp.submit('square', n=n).result(20) for n in range(5)] + [endless.done()]
        """)
    assert json.loads(container.report()["final_output"]) == [0, 1, 4, 9, 16, False]


def test_without_a_thread_whoever_asks_waits(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = lambda function, text: {} if function == "g" else succeed(function, text)
    container = start_container("""
        import threading
        import control_plane as cp

        def no_more(*_, **__):
            raise RuntimeError("can't start new thread")

        def f():
            threading.Thread.start = no_more
            results = [cp.submit('square', n=n).result() for n in range(2)]
            calls = [cp.submit('square', n=n) for n in range(2)]
            endless = cp.submit('g')
            try:
                endless.result(0.1)
            except TimeoutError:
                results.append(endless.done())
            return results + [calls[0].done(), cp.gather(*calls)]
        """)
    assert json.loads(container.report()["final_output"]) == [0, 1, False, True, [0, 1]]


MEASURED = """
    import os, threading
    import control_plane as cp

    @cp.function
    def square(n: int) -> int: ...

    def resident_mb():
        with open('/proc/self/statm') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2 ** 20

    def f():
        most = []
        square.signature
        before = resident_mb()
        results = []
        {}
        threads = max(most)
        return [len(results), sum(results), threads, resident_mb() - before]
    """


@pytest.mark.parametrize(
    "how",
    [
        "for result in square.map(range(2_000)):\n            results.append(result)\n"
        "            most.append(len(os.listdir('/proc/self/task')))",
        "calls = [square.submit(n) for n in range(2_000)]\n"
        "        for call in cp.as_completed(calls):\n            results.append(call.result())\n"
        "            most.append(len(os.listdir('/proc/self/task')))",
    ],
    ids=["map", "submit"],
)
def test_two_thousand_children_cost_little(state: StubState, start_container: StartContainer, how: str) -> None:
    state.answer_child = succeed
    report = start_container(MEASURED.format(how)).report()
    assert report["outcome"] == "SUCCEEDED", report
    count, total, threads, more_mb = json.loads(report["final_output"])
    assert (count, total) == (2_000, sum(number**2 for number in range(2_000)))
    assert threads <= 4
    assert more_mb <= 60
    waits = [request for request in state.requests if "results" in request]
    assert len(waits) == 1


def test_the_code_is_told_what_it_is(state: StubState, start_container: StartContainer) -> None:
    state.timeout_seconds, state.invocation_creation_time = 60, 4_000_000_000
    source = """
        import multiprocessing
        import control_plane as cp

        def told(_=None):
            now = cp.current()
            return [now.project_name, now.version_id, now.function_name, now.invocation_id, now.attempt,
                    now.deadline.isoformat()]

        def f():
            with multiprocessing.get_context('spawn').Pool(1) as pool:
                return [told(), pool.map(told, [1])[0]]
        """
    attempt = "exe-931093d8843a51ef9b72436827328d2a"  # the seventh of inv-3
    container = start_container(source, MULTINODE_EXECUTION_ID=attempt, MULTINODE_INVOCATION_ID="inv-3")
    expected = ["p", "ver-1", "f", "inv-3", 7, "2096-10-02T07:07:40+00:00"]
    assert json.loads(container.report()["final_output"]) == [expected, expected]


RESUMING = """
    import control_plane as cp
    def f():
        found = [child.result() for child in [cp.submit("square", n=n) for n in (2, 2, 3)]]
        try:
            cp.submit("square", n=5).result()
        except cp.InvocationFailed:
            raise ValueError("again") from None
        return found
"""


def attempt(start_container: StartContainer, source: str, number: int) -> Document:
    container = start_container(source, MULTINODE_EXECUTION_ID=execution_id_of("inv-p", number))
    container.state.report = None
    return container.report()


def test_the_next_attempt_finds_the_children_that_succeeded(state: StubState, start_container: StartContainer) -> None:
    state.execution_spec = {"resume_children": True}
    fails = {5}

    def answer(function: str, text: str) -> Document:
        if json.loads(text)["n"] in fails:
            return {"outcome": "FAILED", "error_message": "ValueError: no"}
        return succeed(function, text)

    state.answer_child = answer
    assert attempt(start_container, RESUMING, 1)["error_message"] == "ValueError: again"
    assert len(state.children) == 4
    assert attempt(start_container, RESUMING, 2)["error_message"] == "ValueError: again"
    assert len(state.children) == 5, "the one that failed was started anew"
    fails.clear()
    assert attempt(start_container, RESUMING, 3)["final_output"] == "[4, 4, 9]"
    assert len(state.children) == 6
    state.execution_spec = {}
    assert attempt(start_container, RESUMING, 4)["final_output"] == "[4, 4, 9]"
    assert len(state.children) == 10, "without that limit all are started anew"


def test_of_a_map_only_what_has_not_succeeded_is_started_anew(
    state: StubState, start_container: StartContainer
) -> None:
    source = """
        import control_plane as cp
        @cp.function
        def square(n): ...
        def f():
            try:
                return [list(square.map(range(6))), sorted(square.map(range(6), ordered=False))]
            except cp.InvocationFailed:
                raise ValueError("again") from None
    """
    state.execution_spec = {"resume_children": True}
    fails = {1, 4}

    def answer(function: str, text: str) -> Document:
        arguments = json.loads(text)
        if (arguments["n"] if isinstance(arguments, dict) else arguments[0]) in fails:
            return {"outcome": "FAILED", "error_message": "ValueError: no"}
        return succeed(function, text)

    state.answer_child = answer
    assert attempt(start_container, source, 1)["error_message"] == "ValueError: again"
    assert len(state.children) == 6
    fails.remove(4)
    assert attempt(start_container, source, 2)["error_message"] == "ValueError: again"
    assert len(state.children) == 6 + 2
    fails.clear()
    squares = [0, 1, 4, 9, 16, 25]
    assert json.loads(attempt(start_container, source, 3)["final_output"]) == [squares, squares]
    assert len(state.children) == 6 + 2 + 1 + 6
