"""Invocations as rows of a table."""

import time
from collections.abc import Iterable, Sequence

from control_plane.cli.durations import age, in_short
from control_plane.cli.output import local_time, print_table, terminal_width
from control_plane.cli.states import in_words, styled
from control_plane.cli.tables import Cell, Column
from control_plane.client.listing import ProjectInvocation
from control_plane.protocol.answers import InvocationInfo

_SHORT = len("inv-") + 10  # characters that tell a million apart
_LINE_END = "\n"
_WIDE = 150  # characters in which whole ids find room

_COLUMNS = (
    Column(name="INVOCATION"),
    Column(name="OUTCOME"),
    Column(name="FUNCTION", narrowest=8, comfortable=24),
    Column(name="AGE", rank=2),
    Column(name="TOOK", rank=3),
    Column(name="TRIES", rank=5),
    Column(name="CREATED", rank=6),
    Column(name="QUEUED", rank=7),
    Column(name="STARTING", rank=8),
    Column(name="RAN", rank=9),
    Column(name="VERSION", rank=10),
    Column(name="ERROR", rank=1, narrowest=16, comfortable=40),
)


def print_invocations(invocations: Iterable[ProjectInvocation]) -> None:
    """On a terminal short ids, which other verbs take, too; elsewhere whole ones, and all columns."""
    width = terminal_width()
    now = time.time()
    print_table(_COLUMNS, [_row(one, is_short=width is not None and width < _WIDE, now=now) for one in invocations])


def label(invocation: ProjectInvocation) -> list[Cell]:
    """In one line: what it is, how it stands, how long it took, why it failed."""
    parts = [
        Cell(
            f"{invocation.function_name} {short_id(invocation.invocation_id, is_short=terminal_width() is not None)} "
        ),
        styled(state(invocation)),
        Cell(f" {in_short(took(invocation, now=time.time()))}"),
    ]
    if invocation.error_message:
        parts.append(Cell(f"  {invocation.error_message.partition(_LINE_END)[0]}"))
    return parts


def short_id(invocation_id: str, *, is_short: bool = True) -> str:
    return invocation_id[:_SHORT] if is_short else invocation_id


def took(invocation: ProjectInvocation | InvocationInfo, *, now: float) -> float:
    """Seconds from its creation to its end, or until now. To the millisecond where nothing lay between its attempts."""
    if invocation.invocation_status == "RUNNING":
        return max(now - invocation.creation_time, 0)
    phases = (invocation.queued_seconds, invocation.starting_seconds, invocation.running_seconds)
    known = [phase for phase in phases if phase is not None]
    if len(known) == len(phases) and (invocation.attempts or 0) <= 1:
        return sum(known)
    return invocation.last_update_time - invocation.creation_time


def state(invocation: ProjectInvocation) -> str:
    """In a word; of an earlier release, the list does not say how one ended."""
    if invocation.outcome is not None:
        return in_words(invocation.outcome)
    if invocation.invocation_status == "TERMINATED":
        return "ended"
    if invocation.document.get("cancellation_request_time") is not None:
        return "cancelling"
    return "queued" if invocation.attempts == 0 else "running"


def _row(invocation: ProjectInvocation, *, is_short: bool, now: float) -> Sequence[Cell | str]:
    attempts = invocation.attempts
    return (
        short_id(invocation.invocation_id, is_short=is_short),
        styled(state(invocation)),
        invocation.function_name,
        age(now - invocation.creation_time),
        in_short(took(invocation, now=now)),
        "" if attempts is None else str(attempts),
        local_time(invocation.creation_time),
        in_short(invocation.queued_seconds),
        in_short(invocation.starting_seconds),
        in_short(invocation.running_seconds),
        invocation.version_id,
        (invocation.error_message or "").partition("\n")[0],
    )
