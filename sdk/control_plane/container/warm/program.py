"""A container that is kept: it imports the user's module, and runs executions until there are no more."""

from __future__ import annotations

import importlib
import os

from control_plane.container import program, streams
from control_plane.container.api import Api
from control_plane.container.warm.environment import WarmEnvironment
from control_plane.container.warm.preloading import preload
from control_plane.container.worker import FIRST_CONTACT_SECONDS
from control_plane.errors import Refused, Unreachable

_WARM = "control_plane.container.warm."


def main() -> int:
    """The exit code, of the container or of an execution that is a copy of it. Raises EnvironmentIsIncomplete."""
    environment = WarmEnvironment.from_variables(os.environ)
    try:
        preload(environment, Api(environment.api_url, environment.api_key, first_contact_seconds=FIRST_CONTACT_SECONDS))
        if environment.is_shared:
            processes = importlib.import_module(_WARM + "processes")
            return processes.Succession(environment, first_contact_seconds=FIRST_CONTACT_SECONDS).run()  # type: ignore[no-any-return]
        forks = importlib.import_module(_WARM + "forks")
        found = forks.Forks(environment, first_contact_seconds=FIRST_CONTACT_SECONDS).run()
    except Refused as error:
        streams.write_error(
            "The control plane has no more work for this container. %d: %s\n" % (error.status, error.detail)
        )
        return 1
    except Unreachable as error:
        return program.not_reached(error)
    return found if isinstance(found, int) else program.run(*found)
