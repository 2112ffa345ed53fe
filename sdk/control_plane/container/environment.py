"""What the control plane tells a container through its environment variables."""

from __future__ import annotations

import json
from typing import Mapping, NamedTuple

_PREFIX = "MULTINODE_"
_COMMAND = "CONTROL_PLANE_COMMAND"

CONTAINER_ID = "CONTROL_PLANE_CONTAINER_ID"  # there if the container is warm: its executions come one by one

# What the program learns at its start and tells the processes that the code starts.
LAUNCH = "CONTROL_PLANE_LAUNCH"  # the number of the launch that this container is
RESUMES_CHILDREN = "CONTROL_PLANE_RESUMES_CHILDREN"  # there if this attempt finds the children of earlier ones


class EnvironmentIsIncomplete(Exception):
    """The program was not started by the control plane."""


class Environment(NamedTuple):
    """`command` is None where the image's own main.py is to be called."""

    project_name: str
    version_id: str
    function_name: str
    invocation_id: str
    execution_id: str
    api_url: str
    api_key: str
    command: list[str] | None

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Environment:
        """Raises EnvironmentIsIncomplete with the names of all that is missing."""
        fields = [field for field in cls._fields if field != "command"]
        missing = [_PREFIX + field.upper() for field in fields if not variables.get(_PREFIX + field.upper())]
        if missing:
            raise EnvironmentIsIncomplete("missing in the environment: " + ", ".join(missing))
        command = variables.get(_COMMAND)
        return cls(
            **{field: variables[_PREFIX + field.upper()] for field in fields},
            command=json.loads(command) if command else None,
        )
