"""Functions that are commands."""

import json

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import Container, StartContainer


def start(start_container: StartContainer, *command: str) -> Container:
    return start_container(None, CONTROL_PLANE_COMMAND=json.dumps(command))


@pytest.mark.parametrize("script", ["cat", "cat $CONTROL_PLANE_INPUT", "cat > $CONTROL_PLANE_OUTPUT"])
def test_input_and_output(state: StubState, start_container: StartContainer, script: str) -> None:
    state.input = "täglich ein Apfel\n"
    report = start(start_container, "sh", "-c", script).report()
    assert report == {"outcome": "SUCCEEDED", "final_output": "täglich ein Apfel\n", "error_message": None}


def test_the_output_file_wins_and_stdout_is_logged(start_container: StartContainer) -> None:
    container = start(start_container, "sh", "-c", "echo log; printf result > $CONTROL_PLANE_OUTPUT")
    assert container.wait()[1] == "log\n"
    assert container.state.report is not None
    assert container.state.report["final_output"] == "result"


def test_the_end_of_a_long_stdout_is_the_output(start_container: StartContainer) -> None:
    container = start(start_container, "sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x; printf end")
    assert len(container.wait()[1]) == 5_000_003
    assert container.state.report is not None
    assert container.state.report["final_output"] == "x" * 249_996 + "end"


@pytest.mark.parametrize(
    ("script", "error"),
    [("exit 3", "exit code 3"), ("kill -9 $$", "killed by SIGKILL"), ("kill -15 $$", "killed by SIGTERM")],
)
def test_failures(start_container: StartContainer, script: str, error: str) -> None:
    report = start(start_container, "sh", "-c", script).report()
    assert report == {"outcome": "FAILED", "final_output": None, "error_message": error}


def test_a_command_that_is_not_there(start_container: StartContainer) -> None:
    report = start(start_container, "/does/not/exist").report()
    assert report["error_message"].startswith("The command cannot be started: ")
    assert "/does/not/exist" in report["error_message"]


def test_an_output_file_that_is_too_long(start_container: StartContainer) -> None:
    report = start(
        start_container, "sh", "-c", "head -c 250000 /dev/zero | tr '\\0' x > $CONTROL_PLANE_OUTPUT"
    ).report()
    assert report["error_message"] == "The output is 250,000 characters long; at most 249,999 are possible"


def test_sigterm_is_passed_on(start_container: StartContainer) -> None:
    container = start(
        start_container, "sh", "-c", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    )
    assert container.process.stdout is not None
    assert container.process.stdout.readline() == "ready\n"
    container.sigterm()
    assert container.report() == {"outcome": "ABORTED", "final_output": "ready\nbye\n", "error_message": None}


def test_a_background_process_does_not_hold_the_report(start_container: StartContainer) -> None:
    container = start(start_container, "sh", "-c", "sleep 60 2>/dev/null & echo $!")
    container.state.wait_until(lambda: container.state.report is not None)
    assert container.process.wait(10) == 0
