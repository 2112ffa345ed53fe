"""The environment of a worker: what it must know, and of ours only what is no secret."""

import json
import os
from pathlib import Path

from domain.workers import WorkerRequest

# Everything else stays here: our own environment holds the root key and the databases' passwords.
_INHERITED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip


def inherited_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def worker_environment(request: WorkerRequest, *, api_url: str, python_path: Path) -> dict[str, str]:
    """MULTINODE_* as every image knows it, and for a command CONTROL_PLANE_COMMAND."""
    environment = inherited_environment() | {
        "MULTINODE_PROJECT_NAME": request.function.project_name,
        "MULTINODE_VERSION_ID": request.function.version_id,
        "MULTINODE_FUNCTION_NAME": request.function.function_name,
        "MULTINODE_INVOCATION_ID": request.invocation_id,
        "MULTINODE_EXECUTION_ID": request.name.execution_id,
        "MULTINODE_API_URL": api_url,
        "MULTINODE_API_KEY": request.token,
        "PYTHONPATH": str(python_path),
        "PYTHONUNBUFFERED": "1",  # the log is read while the function runs
    }
    if request.command is not None:
        environment["CONTROL_PLANE_COMMAND"] = json.dumps(request.command)
    return environment
