"""An API that is away, that loses answers, that refuses."""

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

STEPS = ["PUT /start", "PUT /update", "PUT /finish"]
SOURCE = "def f():\n    yield 1\n    return 2"


@pytest.mark.parametrize("step", STEPS)
def test_it_waits_for_an_api_that_is_away(state: StubState, start_container: StartContainer, step: str) -> None:
    state.faults.unavailable[step] = 2
    assert start_container(SOURCE).report()["final_output"] == "2"
    assert (state.starts, state.updates) == (["exe-1"], ["1"])


@pytest.mark.parametrize("step", STEPS)
def test_a_lost_answer_is_no_failure(state: StubState, start_container: StartContainer, step: str) -> None:
    state.faults.lost[step] = 1
    container = start_container(SOURCE)
    assert container.report()["final_output"] == "2"
    assert container.process.returncode == 0


def test_an_execution_that_another_container_started_is_left_alone(
    state: StubState, start_container: StartContainer
) -> None:
    state.starts.append("exe-1")
    code, stdout, stderr = start_container("print('imported')").wait()
    assert (code, stdout, state.report) == (1, "", None)
    assert "409: This execution has already started" in stderr


def test_work_ends_when_the_project_is_gone(state: StubState, start_container: StartContainer) -> None:
    state.faults.refused["PUT /update"] = 1
    container = start_container("""
        import time

        def f():
            try:
                while True:
                    yield 1
                    time.sleep(0.01)
            finally:
                print('closed')
        """)
    code, stdout, stderr = container.wait()
    assert (code, stdout, state.report) == (1, "closed\n", None)
    assert "A project with this name does not exist" in stderr


def test_a_missing_environment_is_named(start_container: StartContainer) -> None:
    code, _, stderr = start_container("", MULTINODE_API_KEY="", MULTINODE_VERSION_ID="").wait()
    assert (code, stderr) == (2, "missing in the environment: MULTINODE_VERSION_ID, MULTINODE_API_KEY\n")
