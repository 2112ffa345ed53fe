"""What the demo deploys: the version's definition as the API takes it."""

from pathlib import Path

PROJECT = "att48"
PARENT = "solve"
CHILD = "anneal"
ROUNDS = 3
AT_ONCE = 4


def version_definition(example: Path) -> dict[str, object]:
    """`example`: the folder that holds main.py. Retries cover a child that is lost; nothing here needs them."""
    return {
        "default_docker_image": example.resolve().as_uri(),
        "functions": [
            _function(PARENT, max_concurrency=1, timeout_seconds=300),
            _function(CHILD, max_concurrency=AT_ONCE, timeout_seconds=120),
        ],
    }


def _function(name: str, *, max_concurrency: int, timeout_seconds: int) -> dict[str, object]:
    return {
        "function_name": name,
        "resource_spec": {"virtual_cpus": 0.5, "memory_gbs": 0.5, "max_concurrency": max_concurrency},
        "execution_spec": {"max_retries": 1, "timeout_seconds": timeout_seconds},
    }
