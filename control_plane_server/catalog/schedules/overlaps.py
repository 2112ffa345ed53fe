"""What becomes of a time of a schedule, by what of it runs and waits. Rows are read and written elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from control_plane_server.domain.schedules import Overlap


class Decision(StrEnum):
    """START: make its invocation. WAIT: look again later. SKIP: make none."""

    START = "START"
    WAIT = "WAIT"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`runs`: whether an invocation of the schedule has not ended. `waiting`: the time that waits for that; None: none
    does, or whoever waits has not looked for long."""

    runs: bool
    waiting: datetime | None


def decide(overlap: Overlap, scheduled_time: datetime, situation: Situation) -> Decision:
    """One time waits at most: the first that came with BUFFER_ONE, the latest with CANCEL_OTHER."""
    if overlap is Overlap.ALLOW_ALL:
        return Decision.START
    if overlap is Overlap.SKIP:
        return Decision.SKIP if situation.runs else Decision.START
    is_its_turn = situation.waiting in (None, scheduled_time)
    if not is_its_turn and overlap is Overlap.CANCEL_OTHER:
        is_its_turn = situation.waiting is not None and situation.waiting < scheduled_time
    if not is_its_turn:
        return Decision.SKIP
    return Decision.WAIT if situation.runs else Decision.START
