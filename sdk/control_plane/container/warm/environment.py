"""What the control plane tells a warm container through its environment variables, and what that makes of a lease."""

from __future__ import annotations

import json
import os
from typing import Mapping, NamedTuple
from urllib.parse import quote

from control_plane.container.environment import CONTAINER_ID, Environment, EnvironmentIsIncomplete
from control_plane.container.warm.leases import Lease

_PREFIX = "MULTINODE_"
_REUSE = "CONTROL_PLANE_REUSE"
_STOP_GRACE = "CONTROL_PLANE_STOP_GRACE_SECONDS"
_COMMAND = "CONTROL_PLANE_COMMAND"
_USUAL_GRACE_SECONDS = 120.0
# The user's code is told of its execution, not of the container, which it may not speak for.
_OF_THE_CONTAINER = (CONTAINER_ID, _REUSE, _STOP_GRACE)


class WarmEnvironment(NamedTuple):
    """`command`: None where the image's own main.py is to be called. `is_shared`: executions run in one process, one
    after the other. `stop_grace_seconds`: for an execution, between SIGTERM and SIGKILL."""

    container_id: str
    project_name: str
    version_id: str
    function_name: str
    api_url: str
    api_key: str
    command: list[str] | None
    is_shared: bool
    stop_grace_seconds: float

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> WarmEnvironment:
        """Raises EnvironmentIsIncomplete with the names of all that is missing."""
        fields = ("project_name", "version_id", "function_name", "api_url", "api_key")
        names = {field: _PREFIX + field.upper() for field in fields}
        missing = [name for name in names.values() if not variables.get(name)]
        if missing:
            raise EnvironmentIsIncomplete("missing in the environment: " + ", ".join(missing))
        command = variables.get(_COMMAND)
        reuse = json.loads(variables.get(_REUSE) or "{}")
        return cls(
            container_id=variables[CONTAINER_ID],
            command=json.loads(command) if command else None,
            # What runs a command is copied in any case: there is nothing in it that could not be.
            is_shared=not command and reuse.get("isolation") == "process",
            stop_grace_seconds=float(variables.get(_STOP_GRACE) or _USUAL_GRACE_SECONDS),
            **{field: variables[name] for field, name in names.items()},
        )

    @property
    def path(self) -> str:
        """Of the container, in the API."""
        return "/containers/" + quote(self.container_id, safe="")

    def of_execution(self, lease: Lease) -> Environment:
        return Environment(
            project_name=self.project_name,
            version_id=self.version_id,
            function_name=self.function_name,
            invocation_id=lease.invocation_id,
            execution_id=lease.execution_id,
            api_url=self.api_url,
            api_key=lease.token,
            command=self.command,
        )


def tell(environment: Environment, *, traceparent: str | None, temporary_folder: str | None) -> None:
    """This process, and those that the user's code starts, as if the container were the execution's alone."""
    for name in _OF_THE_CONTAINER:
        os.environ.pop(name, None)
    for field, value in environment._asdict().items():
        if field != "command":
            os.environ[_PREFIX + field.upper()] = value
    os.environ.pop("TRACEPARENT", None)
    if traceparent is not None:
        os.environ["TRACEPARENT"] = traceparent
    if temporary_folder is not None:
        os.environ["TMPDIR"] = temporary_folder
