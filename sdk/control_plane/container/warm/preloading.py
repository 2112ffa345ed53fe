"""What a warm container does before its first execution, for all of them."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from types import FrameType

from control_plane.container import functions, streams
from control_plane.container.api import Api
from control_plane.container.reports import TERMINATED
from control_plane.container.warm.environment import WarmEnvironment
from control_plane.container.warm.import_limits import limited
from control_plane.errors import Refused


def preload(environment: WarmEnvironment, api: Api) -> None:
    """Import the user's module, with the function's secrets in the environment. What cannot be imported, each execution
    finds again and reports; what takes too long ends the process. Raises Unreachable."""
    if environment.command is not None:
        importlib.import_module("control_plane.container.commands")
        return
    before = signal.signal(signal.SIGTERM, _end)
    seconds = _set_secrets(environment, api)
    folder = os.getcwd()
    try:
        with limited(seconds):
            functions.load(environment.function_name)
    except BaseException:
        os.chdir(folder)  # where each execution looks for it
    if signal.getsignal(signal.SIGTERM) is _end:
        signal.signal(signal.SIGTERM, before)
    if "asyncio" in sys.modules:
        importlib.import_module("control_plane.container.asynchronous")
    streams.open_missing()
    streams.flush()
    gc.collect()
    gc.freeze()  # a collection would write to what copies share


def _set_secrets(environment: WarmEnvironment, api: Api) -> float | None:
    """How long the import may take, in seconds."""
    try:
        found = api.request("GET", environment.path + "/environment").document
    except Refused:  # each execution reports why
        return None
    for name, value in found["secrets"].items():
        os.environb[name.encode()] = value.encode()
    seconds: float | None = found.get("import_limit_seconds")  # none of a control plane of an earlier release
    return seconds


def _end(_number: int, _frame: FrameType | None) -> None:
    """The first process of a container does not hear SIGTERM otherwise."""
    os._exit(TERMINATED)
