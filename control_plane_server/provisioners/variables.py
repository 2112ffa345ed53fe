"""The environment variables of the worker protocol, which containers are started with."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from control_plane_server.domain.containers import ContainerRequest
from control_plane_server.domain.identifiers import FunctionRef
from control_plane_server.domain.reuse import ReuseSpec


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


def reuse_variables(reuse: ReuseSpec, *, stop_grace: timedelta) -> dict[str, str]:
    """Those of all containers of a function that keeps them: how long for, as JSON, and how long an execution in one
    may take to stop, in seconds, after which the container kills it."""
    return {
        "CONTROL_PLANE_REUSE": json.dumps(asdict(reuse)),
        "CONTROL_PLANE_STOP_GRACE_SECONDS": f"{stop_grace.total_seconds():g}",
    }


def launch_variables(request: ContainerRequest) -> dict[str, str]:
    """Those of one container: which execution it runs, the other ones of MULTINODE_*; and TRACEPARENT, as W3C Trace
    Context writes it, where spans are recorded. A warm container is told of its executions when it asks."""
    container_id = request.name.warm_container_id
    if container_id is not None:
        return {"CONTROL_PLANE_CONTAINER_ID": container_id, "MULTINODE_API_KEY": request.token}
    assert request.invocation_id is not None
    variables = {
        "MULTINODE_INVOCATION_ID": request.invocation_id,
        "MULTINODE_EXECUTION_ID": request.name.execution_id,
        "MULTINODE_API_KEY": request.token,
    }
    if request.traceparent is not None:
        variables["TRACEPARENT"] = request.traceparent
    return variables


def container_variables(
    request: ContainerRequest, *, api_url: str, stop_grace: timedelta, ca_certificates: str | None = None
) -> dict[str, str]:
    """What the function declares, MULTINODE_* of the worker protocol, and for a command CONTROL_PLANE_COMMAND.
    `stop_grace`: told to warm containers."""
    return {
        **request.environment,
        **function_variables(request.function, api_url=api_url, ca_certificates=ca_certificates),
        **launch_variables(request),
        **({} if request.reuse is None else reuse_variables(request.reuse, stop_grace=stop_grace)),
        **({} if request.command is None else command_variables(request.command)),
    }


def command_variables(command: Sequence[str]) -> dict[str, str]:
    """The variable in which the program in the container finds its command, as a JSON array."""
    return {"CONTROL_PLANE_COMMAND": json.dumps(command)}
