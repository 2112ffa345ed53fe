"""The environment variables of the worker protocol, which containers are started with."""

import json
from collections.abc import Sequence

from control_plane_server.domain.containers import ContainerRequest
from control_plane_server.domain.identifiers import FunctionRef


def function_variables(function: FunctionRef, *, api_url: str, ca_certificates: str | None = None) -> dict[str, str]:
    """Those that are the same for every container of a function. `ca_certificates`: in PEM, of authorities that it
    trusts beside those of its image."""
    return {
        **({} if ca_certificates is None else {"CONTROL_PLANE_CA_CERTIFICATES": ca_certificates}),
        "MULTINODE_PROJECT_NAME": function.project_name,
        "MULTINODE_VERSION_ID": function.version_id,
        "MULTINODE_FUNCTION_NAME": function.function_name,
        "MULTINODE_API_URL": api_url,
        "PYTHONUNBUFFERED": "1",  # the log is read while the function runs, and what a kill catches in a buffer is lost
    }


def execution_variables(request: ContainerRequest) -> dict[str, str]:
    """The other ones of MULTINODE_*; and TRACEPARENT, as W3C Trace Context writes it, where spans are recorded."""
    variables = {
        "MULTINODE_INVOCATION_ID": request.invocation_id,
        "MULTINODE_EXECUTION_ID": request.name.execution_id,
        "MULTINODE_API_KEY": request.token,
    }
    if request.traceparent is not None:
        variables["TRACEPARENT"] = request.traceparent
    return variables


def container_variables(
    request: ContainerRequest, *, api_url: str, ca_certificates: str | None = None
) -> dict[str, str]:
    """What the function declares, MULTINODE_* of the worker protocol, and for a command CONTROL_PLANE_COMMAND."""
    return {
        **request.environment,
        **function_variables(request.function, api_url=api_url, ca_certificates=ca_certificates),
        **execution_variables(request),
        **({} if request.command is None else command_variables(request.command)),
    }


def command_variables(command: Sequence[str]) -> dict[str, str]:
    """The variable in which the program in the container finds its command, as a JSON array."""
    return {"CONTROL_PLANE_COMMAND": json.dumps(command)}
