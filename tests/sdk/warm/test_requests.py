"""What a warm container says to the API and to its log."""

import json

import pytest

from tests.sdk.warm.conftest import StartWarm

EXECUTION = "/projects/p/versions/ver-1/functions/f/invocations/inv-p/executions"
NEXT = "POST /containers/con-1/next"


@pytest.mark.parametrize(
    ("isolation", "takes_reports", "is_one_less"),
    [("fork", True, True), ("fork", False, False), ("process", True, False)],
)
def test_an_execution_takes_three_requests_and_a_short_one_of_a_copy_two(
    start_warm: StartWarm, isolation: str, *, takes_reports: bool, is_one_less: bool
) -> None:
    container = start_warm("def f(number): return number", isolation=isolation)
    container.state.warm.takes_reports = takes_reports
    assert [container.output(number) for number in (1, 2, 3)] == [1, 2, 3]
    container.end()
    executions = [f"{EXECUTION}/exe-{number:032x}" for number in (1, 2, 3)]
    reports = [f"PUT {path}/finish" for path in executions if f"PUT {path}/finish" in container.state.requests]
    assert len(reports) < 3 if is_one_less else len(reports) == 3, "on a busy machine some take too long"
    each = [
        request
        for path in executions
        for request in (f"PUT {path}/start", f"PUT {path}/finish", NEXT)
        if request in (*container.state.requests, NEXT)
    ]
    assert container.state.requests == ["GET /containers/con-1/environment", NEXT, *each]
    assert len(container.state.connections) <= (5 if isolation == "fork" else 8)


def test_a_container_that_is_given_up_runs_what_it_runs_and_asks_no_more_than_needed(start_warm: StartWarm) -> None:
    container = start_warm("""
        import time

        def f():
            time.sleep(2)
            return "done"
        """)
    container.state.warm.given_up.add(f"exe-{1:032x}")
    assert container.output() == "done"
    container.end()
    asked = container.state.requests.count(NEXT)
    assert asked == 3  # for an execution, once while it ran, and when it was over


def test_each_has_its_own_part_of_the_log_on_both_streams(start_warm: StartWarm) -> None:
    container = start_warm("""
        import os, sys

        print("imported")

        def f(text):
            sys.stdout.write(text)
            print(text, file=sys.stderr)
            os.close(1)
            return text
        """)
    for text in ("one", "two"):
        container.output(text)
    _, stdout, stderr = container.end()
    marks = [[mark(number, at) for at in ("begin", "end")] for number in (1, 2)]
    assert stdout == f"imported\n{marks[0][0]}\none{marks[0][1]}\n{marks[1][0]}\ntwo{marks[1][1]}\n"
    assert stderr == f"{marks[0][0]}\none\n{marks[0][1]}\n{marks[1][0]}\ntwo\n{marks[1][1]}\n"


def mark(number: int, at: str) -> str:
    return "\x1e" + json.dumps({"control_plane_execution": f"exe-{number:032x}", "launch": 1, "at": at})


def test_a_missing_environment_is_named(start_warm: StartWarm) -> None:
    container = start_warm("", MULTINODE_VERSION_ID="")
    assert container.process.wait(20) == 2


def test_a_container_that_nobody_knows_ends(start_warm: StartWarm) -> None:
    container = start_warm("def f(): pass", MULTINODE_API_KEY="another")
    code, _, stderr = container.end()
    assert code == 1
    assert "403: The API key is invalid" in stderr
