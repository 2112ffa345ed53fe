"""Checkpoints as a container's code saves and loads them."""

import json

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

GO_ON = """
import control_plane as cp
def f():
    state = cp.checkpoint.load({"step": 0})
    for step in range(state["step"], 3):
        cp.checkpoint.save({"step": step + 1})
    return state
"""


def test_what_was_saved_is_there_for_the_next_container(state: StubState, start_container: StartContainer) -> None:
    state.faults.unavailable["PUT /checkpoint"] = 1
    assert start_container(GO_ON).report()["final_output"] == '{"step": 0}'
    assert [json.loads(saved["value"])["step"] for saved in state.checkpoints] == [1, 2, 3]
    assert {saved["launch"] for saved in state.checkpoints} == {1}
    state.report = None
    state.starts.clear()
    assert start_container(GO_ON).report()["final_output"] == '{"step": 3}'


def test_processes_that_the_function_starts_save_too(state: StubState, start_container: StartContainer) -> None:
    source = """
        import multiprocessing, subprocess, sys
        import control_plane as cp
        def save(number):
            cp.checkpoint.save(number)
        def f():
            child = multiprocessing.get_context("fork").Process(target=save, args=(1,))
            child.start()
            child.join()
            found = cp.checkpoint.load()
            subprocess.run([sys.executable, "-c", "import control_plane as cp; cp.checkpoint.save(2)"], check=True)
            return [found, cp.checkpoint.load()]
    """
    report = start_container(source).report()
    assert report.get("final_output") == "[1, 2]", report


def test_what_cannot_be_saved_is_refused_before_it_is_sent(state: StubState, start_container: StartContainer) -> None:
    source = """
        import control_plane as cp
        def f():
            said = []
            for value in (object(), float("nan"), "x" * 20_000):
                try:
                    cp.checkpoint.save(value)
                except (TypeError, ValueError) as error:
                    said.append(str(error))
            return said
    """
    no_json, nan, long = json.loads(start_container(source).report()["final_output"])
    assert no_json.startswith("checkpoint")
    assert nan.startswith("checkpoint is nan")
    assert long.startswith("the checkpoint has 20,002 bytes of JSON, and at most 16,384 are possible")
    assert state.checkpoints == []


def test_the_code_of_a_container_that_was_replaced_ends(state: StubState, start_container: StartContainer) -> None:
    source = """
        import control_plane as cp
        def f():
            try:
                cp.checkpoint.save(1)
            except Exception:
                print("swallowed")
    """
    state.replaced = True
    code, stdout, stderr = start_container(source).wait()
    assert (code, stdout, state.report) == (1, "", None)
    assert "Another container has taken this one's place" in stderr
