"""What the program ends with: an exit code, and a line on stderr where nothing could be reported."""

from __future__ import annotations

import importlib
import os

from control_plane.container import certificates, streams, worker
from control_plane.container.environment import CONTAINER_ID, Environment, EnvironmentIsIncomplete
from control_plane.container.progress import ExecutionIsGone
from control_plane.errors import Refused, Unreachable
from control_plane.protocol.bounds import API_WAS_NOT_REACHED

NOT_REPORTED = "This execution could not be reported to the control plane."


def main() -> int:
    streams.open_missing()
    certificates.lend_certificates()
    try:
        if os.environ.get(CONTAINER_ID):  # few are
            return importlib.import_module("control_plane.container.warm.program").main()  # type: ignore[no-any-return]
        return run(Environment.from_variables(os.environ))
    except EnvironmentIsIncomplete as error:
        streams.write_error("%s\n" % error)
        return 2


def run(environment: Environment, hand_over: worker.HandOver | None = None) -> int:
    """One execution. The exit code. `hand_over`: as of `worker.run`."""
    try:
        return worker.run(environment, hand_over)
    except worker.ApiWasNotReached as error:
        return not_reached(error)
    except Refused as error:
        streams.write_error("%s %d: %s\n" % (NOT_REPORTED, error.status, error.detail))
        return 1
    except (Unreachable, ExecutionIsGone) as error:
        streams.write_error("%s %s\n" % (NOT_REPORTED, error))
        return 1


def not_reached(error: Exception) -> int:
    """The exit code, of which the control plane knows the meaning."""
    streams.write_error("This container could not reach MULTINODE_API_URL. %s\n" % " ".join(str(error).split()))
    return API_WAS_NOT_REACHED
