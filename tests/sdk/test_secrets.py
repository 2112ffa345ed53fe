"""Secrets in the environment of a function, of a command, and of what they start."""

import json

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

SHOW = """
import os, subprocess
at_import = os.environ["DATABASE_URL"]
def f():
    child = subprocess.run(["printenv", "DATABASE_URL"], stdout=subprocess.PIPE, check=True).stdout
    return [at_import, os.environ["EMPTY"], child.decode()[:-1], os.getenv("MODE")]
"""
VALUE = "postgres://ü:p w@h/\n$x"
GONE = "The secret billing-db is not set in project p"


def test_functions_find_them_when_they_are_loaded(state: StubState, start_container: StartContainer) -> None:
    state.secrets = {"DATABASE_URL": VALUE, "EMPTY": ""}
    report = start_container(SHOW).report()
    assert json.loads(report["final_output"]) == [VALUE, "", VALUE, None]


def test_commands_find_them(state: StubState, start_container: StartContainer) -> None:
    state.secrets = {"DATABASE_URL": VALUE}
    report = start_container(None, CONTROL_PLANE_COMMAND='["printenv", "DATABASE_URL"]').report()
    assert report["final_output"] == VALUE + "\n"


def test_nothing_is_asked_where_there_are_none(state: StubState, start_container: StartContainer) -> None:
    assert start_container("def f(): return 1").report()["outcome"] == "SUCCEEDED"
    assert [request for request in state.requests if request.endswith("/environment")] == []


@pytest.mark.parametrize("command", ["", '["true"]'])
def test_one_that_is_gone_is_a_failure_that_no_attempt_mends(
    state: StubState, start_container: StartContainer, command: str
) -> None:
    state.secrets, state.missing_secret = {}, GONE
    container = start_container(None if command else SHOW, CONTROL_PLANE_COMMAND=command)
    report = container.report()
    assert (report["outcome"], report["error_message"], report["retry"]) == ("FAILED", GONE, False)
    code, _, stderr = container.wait()
    assert (code, stderr) == (1, GONE + "\n")


def test_an_api_that_is_away_for_a_while_is_waited_for(state: StubState, start_container: StartContainer) -> None:
    state.secrets = {"DATABASE_URL": VALUE, "EMPTY": ""}
    state.faults.unavailable["GET /environment"] = 1
    state.faults.lost["GET /environment"] = 1
    assert start_container(SHOW).report()["outcome"] == "SUCCEEDED"
