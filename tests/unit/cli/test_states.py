"""How an invocation stands, in a word."""

from typing import Any

import pytest
from control_plane.cli.states import state_of
from control_plane.protocol.answers import InvocationInfo

_EXECUTION = {
    "execution_id": "exe-1",
    "worker_status": "TERMINATED",
    "termination_signal_time": None,
    "outcome": None,
    "output": None,
    "error_message": None,
    "creation_time": 0,
    "last_update_time": 0,
    "execution_start_time": 0,
}


def _invocation(executions: list[dict[str, Any]], **fields: Any) -> InvocationInfo:
    invocation = {
        "project_name": "p",
        "version_id": "ver-1",
        "function_name": "f",
        "invocation_id": "inv-1",
        "execution_spec": {"max_retries": 1, "timeout_seconds": 10},
        "input": "",
        "preparation_error": None,
        "cancellation_request_time": None,
        "invocation_status": "RUNNING",
        "creation_time": 0,
        "last_update_time": 5,
        "executions": [_EXECUTION | execution for execution in executions],
    }
    return InvocationInfo(invocation | fields)


@pytest.mark.parametrize(
    ("executions", "state"),
    [
        ([], "queued"),
        ([{"worker_status": "PENDING"}], "starting"),
        ([{"worker_status": "RUNNING"}], "running"),
        ([{"worker_status": "RUNNING", "outcome": "SUCCEEDED"}], "succeeded"),
        ([{"outcome": "FAILED"}, {"worker_status": "PROVISIONING"}], "starting"),
        ([{}, {"outcome": "SUCCEEDED"}], "succeeded"),
        ([{"outcome": "FAILED"}, {}], "failed"),
        ([{"outcome": "ABORTED", "termination_signal_time": 10}], "cancelled"),
        ([{"outcome": "ABORTED", "termination_signal_time": 11}], "timed out"),
        ([{"termination_signal_time": 11, "execution_start_time": None}], "timed out"),
    ],
)
def test_of_executions(executions: list[dict[str, Any]], state: str) -> None:
    assert state_of(_invocation(executions)) == state


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"cancellation_request_time": 3}, "cancelling"),
        ({"invocation_status": "TERMINATED"}, "failed"),
        ({"invocation_status": "TERMINATED", "cancellation_request_time": 3}, "cancelled"),
        ({"invocation_status": "TERMINATED", "last_update_time": 11}, "timed out"),
        ({"invocation_status": "TERMINATED", "last_update_time": 9, "outcome": "TIMED_OUT"}, "timed out"),
        ({"invocation_status": "TERMINATED", "last_update_time": 11, "outcome": "ABORTED"}, "aborted"),
    ],
)
def test_without_executions(fields: dict[str, Any], state: str) -> None:
    assert state_of(_invocation([], **fields)) == state
