"""The lifecycle of an execution: its states, what moves it from one to the next, who writes that and when it may.

Begin here. Each event is one method of this package; whatever is not in the table changes no state, however often it is
tried. `tests/catalog/test_execution_states.py` tries every event in every state.
"""

from dataclasses import dataclass
from enum import StrEnum

from control_plane_server.domain.errors import (
    Conflict,
    ExecutionHasAlreadyFinished,
    ExecutionHasAlreadyStarted,
    ExecutionHasNotStarted,
    ExecutionIsAlreadyTerminated,
)


class State(StrEnum):
    """Where an execution is, by its row or its place in the queue. All but the first two and the last hold a
    slot."""

    ABSENT = "ABSENT"  # no row and no place
    QUEUED = "QUEUED"  # a place in the queue, with which an invocation of a batch begins
    GRANTED = "GRANTED"  # a slot that nobody has taken up: PENDING on the wire
    LAUNCHING = "LAUNCHING"  # taken up, a launch is noted: PROVISIONING
    RUNNING = "RUNNING"  # its container is known
    REFUSED = "REFUSED"  # stopped before it was taken up: nothing of it is ever launched
    STOPPING = "STOPPING"  # must stop: no further launch, and its container is being stopped
    TERMINATED = "TERMINATED"  # no container, and there will be none


class Event(StrEnum):
    TAKE_FREE_SLOT = "SlotQueue.take, a slot is free or granted to it"
    TAKE_PLACE = "SlotQueue.take, no slot is free"
    GRANT = "SlotQueue.grant_free_slots"
    CLAIM = "ClaimRepository.claim, no container is idle"
    RECORD_CONTAINER = "LaunchRepository.record_container"
    BEGIN_NEXT_LAUNCH = "LaunchRepository.begin_another"
    STOP = "StopRepository.stop_invocation"
    TIME_OUT_ATTEMPT = "AttemptTimeoutRepository.time_out"
    TERMINATE_EXECUTION = "TerminationRepository.terminate_execution"
    TERMINATE_INVOCATION = "TerminationRepository.terminate_invocation"
    END_UNSTARTED = "BatchEndRepository.end_unstarted"
    REVOKE_GRANT = "TerminationRepository.revoke_grant"
    TERMINATE_UNSTARTABLE = "RecordedTerminationRepository.terminate_unstartable"
    RECORD_TERMINATION = "RecordedTerminationRepository.record_termination"


class Writer(StrEnum):
    RUN_EXECUTION = "activity run_execution"
    STOP_INVOCATION = "activity stop_invocation"
    END_INVOCATION = "activity end_invocation"
    ADVANCE_BATCH = "activity advance_batch"
    SLOT_GIVER = "whoever frees a slot, finds one free, or makes a function READY"
    MESSENGER = "whoever signals a grant and finds its workflow closed"
    RECONCILIATION = "activity reconcile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """`guard`: what has to hold besides the states, under the lock of the function's row unless it says otherwise."""

    states: tuple[State, ...]
    event: Event
    next: State
    writer: Writer
    guard: str


_UNCLAIMED = (State.GRANTED, State.REFUSED)
_LAUNCHED = (State.LAUNCHING, State.RUNNING)
_LIVE = (*_UNCLAIMED, *_LAUNCHED, State.STOPPING)

TRANSITIONS = (
    Transition(
        states=(State.ABSENT,),
        event=Event.TAKE_FREE_SLOT,
        next=State.LAUNCHING,
        writer=Writer.RUN_EXECUTION,
        guard="the function is READY and has a slot, no older invocation waits, the invocation is not to stop",
    ),
    Transition(
        states=(State.ABSENT,),
        event=Event.TAKE_PLACE,
        next=State.QUEUED,
        writer=Writer.RUN_EXECUTION,
        guard="the invocation is not to stop",
    ),
    Transition(
        states=(State.QUEUED,),
        event=Event.GRANT,
        next=State.GRANTED,
        writer=Writer.SLOT_GIVER,
        guard="a slot is free and no older invocation waits",
    ),
    Transition(
        states=(State.GRANTED,),
        event=Event.TAKE_FREE_SLOT,
        next=State.LAUNCHING,
        writer=Writer.RUN_EXECUTION,
        guard="the invocation is not to stop; a function that cannot be prepared leaves it GRANTED, to be terminated",
    ),
    Transition(
        states=(State.GRANTED,),
        event=Event.CLAIM,
        next=State.LAUNCHING,
        writer=Writer.RUN_EXECUTION,
        guard="as above, and the function can be prepared; one statement, without the lock. A container that is idle is"
        " leased by it, and makes it RUNNING",
    ),
    Transition(
        states=(State.LAUNCHING,),
        event=Event.RECORD_CONTAINER,
        next=State.RUNNING,
        writer=Writer.RUN_EXECUTION,
        guard="it is the newest launch's container; one statement, without the lock",
    ),
    Transition(
        states=_LAUNCHED,
        event=Event.BEGIN_NEXT_LAUNCH,
        next=State.LAUNCHING,
        writer=Writer.RUN_EXECUTION,
        guard="the newest launch is the one that is over, and there is no outcome; one statement, without the lock",
    ),
    Transition(
        states=_LAUNCHED,
        event=Event.STOP,
        next=State.STOPPING,
        writer=Writer.STOP_INVOCATION,
        guard="none",
    ),
    Transition(
        states=(State.RUNNING,),
        event=Event.TIME_OUT_ATTEMPT,
        next=State.STOPPING,
        writer=Writer.RUN_EXECUTION,
        guard="its container has started it so long ago, and has not reported; one statement, without the lock",
    ),
    Transition(
        states=(State.GRANTED,),
        event=Event.STOP,
        next=State.REFUSED,
        writer=Writer.STOP_INVOCATION,
        guard="none",
    ),
    Transition(
        states=_LIVE,
        event=Event.TERMINATE_EXECUTION,
        next=State.TERMINATED,
        writer=Writer.RUN_EXECUTION,
        guard="no later launch has begun",
    ),
    Transition(
        states=_LIVE,
        event=Event.TERMINATE_INVOCATION,
        next=State.TERMINATED,
        writer=Writer.END_INVOCATION,
        guard="the invocation's workflow knows that it has no container",
    ),
    Transition(
        states=(State.QUEUED,),
        event=Event.TERMINATE_INVOCATION,
        next=State.ABSENT,
        writer=Writer.END_INVOCATION,
        guard="none",
    ),
    Transition(
        states=(State.QUEUED,),
        event=Event.END_UNSTARTED,
        next=State.ABSENT,
        writer=Writer.ADVANCE_BATCH,
        guard="the invocation is of a batch and has had no execution, and it or all of the batch is to stop",
    ),
    Transition(
        states=_UNCLAIMED,
        event=Event.REVOKE_GRANT,
        next=State.TERMINATED,
        writer=Writer.MESSENGER,
        guard="nobody has taken it up",
    ),
    Transition(
        states=(State.ABSENT, State.QUEUED),
        event=Event.TERMINATE_UNSTARTABLE,
        next=State.TERMINATED,
        writer=Writer.RECONCILIATION,
        guard="the invocation has no execution",
    ),
    Transition(
        states=(State.ABSENT, State.QUEUED, *_LIVE),
        event=Event.RECORD_TERMINATION,
        next=State.TERMINATED,
        writer=Writer.RECONCILIATION,
        guard="its workflow has completed, which a restored catalog does not know",
    ),
)


class Report(StrEnum):
    """What the container has said of its execution, in the states that hold a slot. The container alone writes it, by
    `ExecutionRepository`, one conditional statement each; BEGIN_NEXT_LAUNCH sets it back."""

    NOT_STARTED = "NOT_STARTED"
    STARTED = "STARTED"
    FINISHED = "FINISHED"


class ReportEvent(StrEnum):
    START = "start"
    UPDATE = "update"
    FINISH = "finish"


# What a report leads to, or how it is refused.
REPORTS: dict[tuple[Report, ReportEvent], Report | type[Conflict]] = {
    (Report.NOT_STARTED, ReportEvent.START): Report.STARTED,
    (Report.NOT_STARTED, ReportEvent.UPDATE): ExecutionHasNotStarted,
    (Report.NOT_STARTED, ReportEvent.FINISH): ExecutionHasNotStarted,
    (Report.STARTED, ReportEvent.START): ExecutionHasAlreadyStarted,
    (Report.STARTED, ReportEvent.UPDATE): Report.STARTED,
    (Report.STARTED, ReportEvent.FINISH): Report.FINISHED,
    (Report.FINISHED, ReportEvent.START): ExecutionHasAlreadyStarted,
    (Report.FINISHED, ReportEvent.UPDATE): ExecutionHasAlreadyFinished,
    (Report.FINISHED, ReportEvent.FINISH): ExecutionHasAlreadyFinished,
}
# How the same reports are refused once the execution is TERMINATED, by how far they had come.
LATE_REPORTS: dict[tuple[Report, ReportEvent], type[Conflict]] = {
    (Report.NOT_STARTED, ReportEvent.START): ExecutionIsAlreadyTerminated,
    (Report.NOT_STARTED, ReportEvent.UPDATE): ExecutionHasNotStarted,
    (Report.NOT_STARTED, ReportEvent.FINISH): ExecutionHasNotStarted,
    (Report.STARTED, ReportEvent.START): ExecutionHasAlreadyStarted,
    (Report.STARTED, ReportEvent.UPDATE): ExecutionIsAlreadyTerminated,
    (Report.STARTED, ReportEvent.FINISH): ExecutionIsAlreadyTerminated,
    (Report.FINISHED, ReportEvent.START): ExecutionHasAlreadyStarted,
    (Report.FINISHED, ReportEvent.UPDATE): ExecutionHasAlreadyFinished,
    (Report.FINISHED, ReportEvent.FINISH): ExecutionHasAlreadyFinished,
}
