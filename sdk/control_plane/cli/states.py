"""How an invocation stands, in one word for people."""

from control_plane.cli.exits import ExitCode
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.states import CANCELLED, RUNNING, SUCCEEDED, TIMED_OUT, status_of

_EXIT_CODES = {SUCCEEDED: ExitCode.OK, TIMED_OUT: ExitCode.TIMED_OUT, CANCELLED: ExitCode.CANCELLED}


def state_of(invocation: InvocationInfo) -> str:
    """The status, and of what runs how far it has come."""
    status = status_of(invocation.document)
    if status != RUNNING:
        return in_words(status)
    if invocation.latest is None:
        return "queued"
    return "running" if invocation.latest.worker_status == "RUNNING" else "starting"


def in_words(status: str) -> str:
    return status.lower().replace("_", " ")


def exit_code_of(invocation: InvocationInfo) -> ExitCode:
    """Of one that has ended."""
    return _EXIT_CODES.get(status_of(invocation.document), ExitCode.FAILED)
