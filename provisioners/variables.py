"""What a worker must know, as environment variables that every image understands."""

import json

from domain.workers import WorkerRequest


def worker_variables(request: WorkerRequest, *, api_url: str) -> dict[str, str]:
    """MULTINODE_* of the worker protocol, and for a command CONTROL_PLANE_COMMAND."""
    variables = {
        "MULTINODE_PROJECT_NAME": request.function.project_name,
        "MULTINODE_VERSION_ID": request.function.version_id,
        "MULTINODE_FUNCTION_NAME": request.function.function_name,
        "MULTINODE_INVOCATION_ID": request.invocation_id,
        "MULTINODE_EXECUTION_ID": request.name.execution_id,
        "MULTINODE_API_URL": api_url,
        "MULTINODE_API_KEY": request.token,
        "PYTHONUNBUFFERED": "1",  # the log is read while the function runs
    }
    if request.command is not None:
        variables["CONTROL_PLANE_COMMAND"] = json.dumps(request.command)
    return variables
