"""The lifecycle of a warm container and of its leases: the states, what moves a container from one to the next, who
writes that and when it may.

Begin here. Each event is one method of this package, CLAIM one of `execution_lifecycle/claims.py`; each method is one
conditional statement; whatever is not in the table changes no state, however often it is tried.
`tests/catalog/warm_containers/test_states.py` tries every event in every state. What a lease means to its execution is
in `execution_lifecycle/states.py`: nothing is begun twice, as `start` is conditional on the launch of the lease.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a warm container is, by its row. All but the first and the last may have a container on the platform; one
    of a CLOSED row may still be running, and ends as soon as it asks, or is stopped."""

    ABSENT = "ABSENT"  # no row
    STARTING = "STARTING"  # to be launched without an execution, or launched and not heard of: min_idle
    IDLE = "IDLE"  # asks for an execution
    LEASED = "LEASED"  # of one launch of one execution, from before it is launched or told until it lets go
    CLOSED = "CLOSED"  # takes no execution any more


class Event(StrEnum):
    BEGIN = "LeaseRepository.begin"
    BEGIN_IDLE = "UpkeepRepository.refill"
    LEASE = "LeaseRepository.lease"
    CLAIM = "ClaimRepository.claim"
    ASK = "PollRepository.next"
    LET_GO = "PollRepository.next, with the lease's execution as `ended`"
    ASK_TOO_LATE = "PollRepository.next, of a container whose time is over"
    LET_GO_AT_LAST = "PollRepository.next, with `ended`, of a container whose time is over"
    REVOKE = "LeaseRepository.revoke"
    CLOSE = "LeaseRepository.close"
    CLOSE_GONE = "LeaseRepository.close, of a container that is gone or is about to be stopped"


class Writer(StrEnum):
    RUN_EXECUTION = "activity run_execution"
    CONTAINER = "the container, through the API"
    UPKEEP = "the upkeep of warm containers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """`guard`: what has to hold besides the states, under the lock of the container's row, and after it of the
    execution's."""

    states: tuple[State, ...]
    event: Event
    next: State
    writer: Writer
    guard: str


_OPEN = (State.STARTING, State.IDLE, State.LEASED)

TRANSITIONS = (
    Transition(
        states=(State.ABSENT,),
        event=Event.BEGIN,
        next=State.LEASED,
        writer=Writer.RUN_EXECUTION,
        guard="the launch is its execution's newest, has not leased a container, and the execution has not ended",
    ),
    Transition(
        states=(State.ABSENT,),
        event=Event.BEGIN_IDLE,
        next=State.STARTING,
        writer=Writer.UPKEEP,
        guard="the function is READY, of the latest version, and has fewer than min_idle that are not leased",
    ),
    Transition(
        states=(State.IDLE,),
        event=Event.LEASE,
        next=State.LEASED,
        writer=Writer.RUN_EXECUTION,
        guard="it was heard of lately and the platform's name of it is known; as for BEGIN, and no stop is requested",
    ),
    Transition(
        states=(State.IDLE,),
        event=Event.CLAIM,
        next=State.LEASED,
        writer=Writer.RUN_EXECUTION,
        guard="it was heard of lately and the platform's name of it is known; the execution has a slot that nobody has"
        " taken up, and its invocation is not to stop",
    ),
    Transition(
        states=(State.STARTING,),
        event=Event.ASK,
        next=State.IDLE,
        writer=Writer.CONTAINER,
        guard="none",
    ),
    Transition(
        states=(State.LEASED,),
        event=Event.LET_GO,
        next=State.IDLE,
        writer=Writer.CONTAINER,
        guard="`ended` names the launch that it is leased to; the execution is written to be released with it",
    ),
    Transition(
        states=(State.STARTING, State.IDLE),
        event=Event.ASK_TOO_LATE,
        next=State.CLOSED,
        writer=Writer.CONTAINER,
        guard="idle for longer than idle_seconds and not needed for min_idle, max_executions is reached, or the"
        " project is being deleted",
    ),
    Transition(
        states=(State.STARTING, State.IDLE),
        event=Event.LET_GO_AT_LAST,
        next=State.CLOSED,
        writer=Writer.CONTAINER,
        guard="as for ASK_TOO_LATE: it has no lease to let go of",
    ),
    Transition(
        states=(State.LEASED,),
        event=Event.LET_GO_AT_LAST,
        next=State.CLOSED,
        writer=Writer.CONTAINER,
        guard="as for LET_GO, and max_executions is reached or the project is being deleted",
    ),
    Transition(
        states=(State.STARTING,),
        event=Event.LET_GO,
        next=State.IDLE,
        writer=Writer.CONTAINER,
        guard="as for ASK: it has no lease to let go of",
    ),
    Transition(
        states=(State.LEASED,),
        event=Event.REVOKE,
        next=State.CLOSED,
        writer=Writer.RUN_EXECUTION,
        guard="the launch has not started the execution",
    ),
    Transition(
        states=(State.STARTING, State.IDLE),
        event=Event.CLOSE,
        next=State.CLOSED,
        writer=Writer.UPKEEP,
        guard="none",
    ),
    Transition(
        states=_OPEN,
        event=Event.CLOSE_GONE,
        next=State.CLOSED,
        writer=Writer.UPKEEP,
        guard="the platform says that there is no such container, or whoever closes it stops it with what it runs",
    ),
)
