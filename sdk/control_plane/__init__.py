"""Functions as containers: declared with `function` and `command`, called by `Client` or from inside of containers.

Importing this imports nothing else; each name is loaded when it is first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from control_plane import artifacts as artifacts
    from control_plane import checkpoint as checkpoint
    from control_plane import testing as testing
    from control_plane.calls import as_completed as as_completed
    from control_plane.calls import gather as gather
    from control_plane.calls import submit as submit
    from control_plane.client.async_client import AsyncClient as AsyncClient
    from control_plane.client.client import Client as Client
    from control_plane.commands import Command as Command
    from control_plane.context import current as current
    from control_plane.declarations import command as command
    from control_plane.declarations import function as function
    from control_plane.errors import Cancelled as Cancelled
    from control_plane.errors import ControlPlaneError as ControlPlaneError
    from control_plane.errors import DoNotRetry as DoNotRetry
    from control_plane.errors import InvocationCancelled as InvocationCancelled
    from control_plane.errors import InvocationFailed as InvocationFailed
    from control_plane.errors import InvocationTimedOut as InvocationTimedOut
    from control_plane.errors import Refused as Refused
    from control_plane.errors import Stopped as Stopped
    from control_plane.errors import TimedOut as TimedOut
    from control_plane.errors import Unreachable as Unreachable
    from control_plane.functions import Function as Function
    from control_plane.invocation import Invocation as Invocation
    from control_plane.options import Options as Options
    from control_plane.reuse import Reuse as Reuse
    from control_plane.schedules import Cron as Cron
    from control_plane.schedules import Every as Every

# Each public name, and the module that has it; "" for a module that is public itself.
_HOMES = {
    "AsyncClient": "client.async_client",
    "Cancelled": "errors",
    "Client": "client.client",
    "Command": "commands",
    "ControlPlaneError": "errors",
    "Cron": "schedules",
    "DoNotRetry": "errors",
    "Every": "schedules",
    "Function": "functions",
    "Invocation": "invocation",
    "InvocationCancelled": "errors",
    "InvocationFailed": "errors",
    "InvocationTimedOut": "errors",
    "Options": "options",
    "Refused": "errors",
    "Reuse": "reuse",
    "Stopped": "errors",
    "TimedOut": "errors",
    "Unreachable": "errors",
    "artifacts": "",
    "as_completed": "calls",
    "checkpoint": "",
    "command": "declarations",
    "current": "context",
    "function": "declarations",
    "gather": "calls",
    "submit": "calls",
    "testing": "",
}

__all__ = [
    "AsyncClient",
    "Cancelled",
    "Client",
    "Command",
    "ControlPlaneError",
    "Cron",
    "DoNotRetry",
    "Every",
    "Function",
    "Invocation",
    "InvocationCancelled",
    "InvocationFailed",
    "InvocationTimedOut",
    "Options",
    "Refused",
    "Reuse",
    "Stopped",
    "TimedOut",
    "Unreachable",
    "artifacts",
    "as_completed",
    "checkpoint",
    "command",
    "current",
    "function",
    "gather",
    "submit",
    "testing",
]


def __getattr__(name):  # type: ignore[no-untyped-def]  # typing is not imported
    if name not in _HOMES:
        raise AttributeError("module 'control_plane' has no attribute %r" % name)
    home = _HOMES[name]
    if home[:7] == "client.":
        import sys  # noqa: PLC0415 - it is loaded before any program begins

        if sys.version_info < (3, 11):
            raise ImportError("control_plane.%s needs Python 3.11 or newer; declarations and functions do not" % name)
    # Not importlib: it is not loaded in every program.
    module = __import__("control_plane.%s" % (home or name), fromlist=[name])
    value = getattr(module, name) if home else module
    globals()[name] = value
    return value


def __dir__():  # type: ignore[no-untyped-def]
    return __all__
