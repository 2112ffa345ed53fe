"""What is said of a function's limits, and of an invocation's data."""

from typing import Any

from control_plane.cli import description
from control_plane.cli.verbs.describe import _fields
from control_plane.protocol.answers import FunctionInfo, InvocationInfo


def _shown(resources: dict[str, Any], executions: dict[str, Any]) -> dict[str, object]:
    function = FunctionInfo(
        {
            "function_name": "f",
            "docker_image": "image",
            "resource_spec": {"virtual_cpus": 1, "memory_gbs": 1, "max_concurrency": 3, **resources},
            "execution_spec": {"max_retries": 0, "timeout_seconds": 60, **executions},
            "command": None,
            "function_status": "READY",
            "preparation_error": None,
        }
    )
    return dict(_fields(function, version_id="ver-1", project="p"))


def test_limits_are_shown() -> None:
    shown = _shown({"concurrency": "function"}, {"attempt_timeout_seconds": 10, "queue_timeout_seconds": 20})
    assert shown["At once"] == "3 of all versions together"
    assert (shown["Of an attempt"], shown["In the queue"]) == ("10 s at most", "20 s at most")


def test_a_release_before_says_less() -> None:
    shown = _shown({}, {})
    assert shown["At once"] == "3 of each version"
    assert "Of an attempt" not in shown


def test_what_is_in_the_object_store_is_not_shown_as_empty() -> None:
    execution = {
        "execution_id": "exe-1",
        "worker_status": "TERMINATED",
        "termination_signal_time": None,
        "outcome": "SUCCEEDED",
        "output": None,
        "output_blob": "blb-2",
        "error_message": None,
        "creation_time": 1,
        "last_update_time": 1,
        "execution_start_time": 1,
    }
    invocation = InvocationInfo(
        {
            "project_name": "p",
            "version_id": "ver-1",
            "function_name": "f",
            "invocation_id": "inv-1",
            "execution_spec": {"max_retries": 0, "timeout_seconds": 1},
            "input": "",
            "input_blob": "blb-1",
            "preparation_error": None,
            "cancellation_request_time": None,
            "invocation_status": "TERMINATED",
            "creation_time": 1,
            "last_update_time": 1,
            "executions": [execution],
        }
    )
    shown = dict(description._fields(invocation, "succeeded", {}))
    assert shown["Input"] == "in the object store: blb-1"
    assert shown["Result"] == "in the object store: blb-2"
