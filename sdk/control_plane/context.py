"""What the code that runs as a function is told about its invocation, in a container and in a test."""

from __future__ import annotations

import os
from contextvars import ContextVar
from datetime import datetime, timezone
from hashlib import sha1
from typing import Dict, Mapping

from control_plane.errors import ControlPlaneError

DEADLINE = "CONTROL_PLANE_DEADLINE"
_SCHEDULED_TIME = "CONTROL_PLANE_SCHEDULED_TIME"
# As the control plane derives an execution's id from its invocation's: uuid5 of this name space.
_NAME_SPACE = bytes.fromhex("6f2b7a0e6c554d6e9a520f9f3c1f5a11")
_MOST_ATTEMPTS = 100_000

# What stands for the environment's variables where there is no container: of the call that this thread or task carries
# out, and of the block around all of them, which other threads are in too.
of_call: ContextVar[Dict[str, str] | None] = ContextVar("of_call", default=None)
of_blocks: list[Dict[str, str]] = []


class Context:
    """`execution_id` is the same for every container that this attempt has: good as a key of what must happen once.
    `deadline`: when the invocation times out, with all its attempts. `scheduled_time`: for which of its times a
    schedule has called; None: none has."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Raises KeyError."""
        self.project_name = variables["MULTINODE_PROJECT_NAME"]
        self.version_id = variables["MULTINODE_VERSION_ID"]
        self.function_name = variables["MULTINODE_FUNCTION_NAME"]
        self.invocation_id = variables["MULTINODE_INVOCATION_ID"]
        self.execution_id = variables["MULTINODE_EXECUTION_ID"]
        self.deadline = datetime.fromtimestamp(int(variables[DEADLINE]), timezone.utc)
        scheduled = variables.get(_SCHEDULED_TIME)
        self.scheduled_time = None if scheduled is None else datetime.fromtimestamp(int(scheduled), timezone.utc)

    @property
    def attempt(self) -> int:
        """Counted from 1. Raises ControlPlaneError if this control plane does not let it be known."""
        for attempt in range(1, _MOST_ATTEMPTS):
            if execution_id_of(self.invocation_id, attempt) == self.execution_id:
                return attempt
        raise ControlPlaneError("this control plane does not say which attempt %s is" % self.execution_id)

    def __repr__(self) -> str:
        return "Context(%s)" % ", ".join("%s=%r" % item for item in vars(self).items())


def current() -> Context:
    """Raises ControlPlaneError outside of a function that was invoked."""
    try:
        return Context(of_call.get() or (of_blocks[-1] if of_blocks else os.environ))
    except KeyError:
        raise ControlPlaneError(
            "nothing was invoked here: cp.current() is for code that runs in a container, or inside of "
            "`with cp.testing.local():`"
        ) from None


def execution_id_of(invocation_id: str, attempt: int) -> str:
    """As the control plane names it."""
    digest = bytearray(sha1(_NAME_SPACE + ("%s:%d" % (invocation_id, attempt)).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return "exe-" + digest.hex()
