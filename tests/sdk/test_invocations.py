"""Calls of other functions from the user's code."""

import json
import threading
from typing import Any

import pytest
from control_plane.container import invocations
from control_plane.container.api import Answer, Api
from control_plane.container.invocation_states import status_of
from hypothesis import given
from hypothesis import strategies as st

from tests.sdk.api_stub import Document, StubState
from tests.sdk.conftest import StartContainer


def succeed(_function: str, text: str) -> Document:
    return {"outcome": "SUCCEEDED", "output": str(json.loads(text)["n"] ** 2)}


def test_results_of_children(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = succeed
    container = start_container("""
        from control_plane.container import invocations

        def f():
            children = [invocations.start('square', {'n': n}) for n in range(4)]
            first = invocations.wait_first(children)
            completed = list(invocations.as_completed(children))
            return [first in children, len(completed), all(c.done() for c in children), [c.result() for c in children]]
        """)
    assert json.loads(container.report()["final_output"]) == [True, 4, True, [0, 1, 4, 9]]
    parents = [child["parent_invocation"] for child in state.children.values()]
    assert parents == [{"function_name": "f", "invocation_id": "inv-p"}] * 4


def test_equal_calls_are_different_children_and_a_repeated_request_is_not(
    state: StubState, start_container: StartContainer
) -> None:
    state.answer_child = succeed
    state.faults.lost["POST /invocations"] = 1
    container = start_container("""
        from concurrent.futures import ThreadPoolExecutor
        from control_plane.container import invocations

        def f():
            with ThreadPoolExecutor(4) as pool:
                children = list(pool.map(lambda _: invocations.start('square', {'n': 2}), range(4)))
            return [child.result() for child in children]
        """)
    assert json.loads(container.report()["final_output"]) == [4, 4, 4, 4]
    assert len(state.children) == 4


def test_a_restarted_container_finds_its_children(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = succeed
    source = "from runtime import invocations\ndef f():\n    return invocations.start('square', {'n': 3}).result()"
    assert start_container(source).report()["final_output"] == "9"
    state.report = None
    state.starts.clear()
    assert start_container(source).report()["final_output"] == "9"
    assert len(state.children) == 1


def test_a_failed_child_raises(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = lambda _function, _text: {"outcome": "FAILED", "error_message": "ValueError: no"}
    container = start_container("from runtime import invocations\ndef f(): return invocations.start('g').result()")
    assert container.report()["error_message"] == "InvocationFailed: g inv-0: FAILED: ValueError: no"


def test_a_timeout_while_waiting_and_a_cancel(state: StubState, start_container: StartContainer) -> None:
    state.answer_child = lambda _function, _text: {}
    container = start_container("""
        import concurrent.futures
        from control_plane.container import invocations

        def f():
            child = invocations.start('g')
            try:
                child.result(timeout=0.1)
            except concurrent.futures.TimeoutError:
                child.cancel()
                return child.done()
        """)
    assert container.report()["final_output"] == "false"


@pytest.mark.parametrize(
    ("output", "result"),
    [("NaN", "'NaN'"), ("1e400", "NumberIsLost"), ("[1.5]", "[1.5]"), ("plain text", "'plain text'"), ("-1", "-1")],
)
def test_what_a_command_said_is_json_or_text_as_it_is(
    state: StubState, start_container: StartContainer, output: str, result: str
) -> None:
    state.answer_child = lambda _function, _text: {"outcome": "SUCCEEDED", "output": output}
    container = start_container("""
        from control_plane.container import invocations

        def f():
            try:
                return repr(invocations.start('g').result())
            except ValueError as error:
                return type(error).__name__
        """)
    assert json.loads(container.report()["final_output"]) == result


@pytest.mark.parametrize("arguments", ["float('nan')", "[float('inf')]", "object()", "{1: 2, '1': 3}"])
def test_arguments_that_are_no_json_start_nothing(
    state: StubState, start_container: StartContainer, arguments: str
) -> None:
    source = f"from runtime import invocations\ndef f(): invocations.start('g', {arguments})"
    assert start_container(source).report()["outcome"] == "FAILED"
    assert state.children == {}


def test_an_unknown_function_is_named(state: StubState, start_container: StartContainer) -> None:
    state.faults.refused["POST /invocations"] = 0
    container = start_container("from runtime import invocations\ndef f(): invocations.start('g')")
    assert container.report()["error_message"].startswith("Refused: 404: ")


OUTCOMES = st.sampled_from([None, "SUCCEEDED", "FAILED", "ABORTED"])
EXECUTIONS = st.fixed_dictionaries(
    {
        "outcome": OUTCOMES,
        "worker_status": st.sampled_from(["PENDING", "PROVISIONING", "RUNNING", "TERMINATED"]),
        "termination_signal_time": st.one_of(st.none(), st.integers(1_000, 1_120)),
        "execution_start_time": st.one_of(st.none(), st.integers(1_000, 1_120)),
    }
)
INVOCATIONS = st.fixed_dictionaries(
    {
        "execution_spec": st.fixed_dictionaries({"timeout_seconds": st.just(60), "max_retries": st.integers(0, 2)}),
        "creation_time": st.just(1_000),
        "last_update_time": st.integers(1_000, 1_120),
        "cancellation_request_time": st.one_of(st.none(), st.integers(1_000, 1_120)),
        "invocation_status": st.sampled_from(["RUNNING", "TERMINATED"]),
        "executions": st.lists(EXECUTIONS, max_size=3),
    }
)


@given(INVOCATIONS)
def test_status_never_leaves_a_parent_waiting_for_nothing(document: Document) -> None:
    status = status_of(document)
    outcomes = [execution["outcome"] for execution in document["executions"]]
    if document["invocation_status"] == "TERMINATED":
        assert status not in ("RUNNING", "CANCELLING")
    assert (status == "SUCCEEDED") == ("SUCCEEDED" in outcomes)
    if status == "TIMED OUT" and "ABORTED" not in outcomes:
        assert (
            max([document["last_update_time"], *(e["termination_signal_time"] or 0 for e in document["executions"])])
            > 1_060
        )


def test_children_that_are_many_are_waited_for_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API would refuse to wait for all of them at once."""
    places = threading.BoundedSemaphore(3)
    monkeypatch.setattr(invocations, "_places", lambda _process_id: places)
    state = {"now": 0, "most": 0}
    lock = threading.Lock()

    class SlowApi(Api):
        def request(self, method: str, path: str, **_: Any) -> Answer:
            with lock:
                state["now"] += 1
                state["most"] = max(state["most"], state["now"])
            threading.Event().wait(0.01)
            with lock:
                state["now"] -= 1
            execution = {"outcome": "SUCCEEDED", "output": "1", "last_update_time": 1}
            return Answer({"invocation_status": "TERMINATED", "executions": [execution]}, False)

    api = SlowApi("http://127.0.0.1:1", "key")
    children = [invocations.Invocation(api, f"/{n}", function_name="f", invocation_id=f"{n}") for n in range(20)]
    assert len(list(invocations.as_completed(children, timeout=20))) == 20
    assert state["most"] == 3
