"""What is said of a function's limits."""

from typing import Any

from control_plane.cli.verbs.describe import _fields
from control_plane.protocol.answers import FunctionInfo


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
