"""How an invocation stands, in one word for people."""

from collections.abc import Mapping

from control_plane.cli.exits import ExitCode
from control_plane.cli.tables import Cell
from control_plane.protocol.answers import InvocationInfo
from control_plane.protocol.states import CANCELLED, RUNNING, SUCCEEDED, TIMED_OUT, status_of

_GREEN, _RED, _YELLOW, _CYAN, _DIM = "32", "1;31", "33", "36", "2"
_STYLES = {
    "succeeded": _GREEN,
    "failed": _RED,
    "timed out": _RED,
    "aborted": _RED,
    "cancelled": _YELLOW,
    "cancelling": _YELLOW,
    "running": _CYAN,
    "starting": _CYAN,
    "queued": _DIM,
}
_ORDER = ("failed", "timed out", "aborted", "cancelled", "running", "queued", "succeeded")
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


def styled(state: str) -> Cell:
    """In its colour, which says no more than the word."""
    return Cell(state, _STYLES.get(state, ""))


def in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Counts by state that are not 0, in words; what went wrong first."""
    words = {in_words(name): count for name, count in counts.items() if count}
    return sorted(words.items(), key=lambda pair: list(_ORDER).index(pair[0]) if pair[0] in _ORDER else len(_ORDER))


def exit_code_of(invocation: InvocationInfo) -> ExitCode:
    """Of one that has ended."""
    return _EXIT_CODES.get(status_of(invocation.document), ExitCode.FAILED)
