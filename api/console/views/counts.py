"""Counts of invocations by how they stand, what went wrong first."""

from api.console.views.states import State, state_of_outcome
from control_plane_server.domain.entities import InvocationCounts, InvocationOutcome

_ORDER = (
    InvocationOutcome.FAILED,
    InvocationOutcome.TIMED_OUT,
    InvocationOutcome.ABORTED,
    InvocationOutcome.CANCELLED,
    InvocationOutcome.SUCCEEDED,
)


def counted_states(counts: InvocationCounts) -> list[tuple[State, int]]:
    """Those that there are."""
    *wrong, succeeded = [(state_of_outcome(outcome), counts.by_outcome[outcome]) for outcome in _ORDER]
    live = [(State("running", "live"), counts.running), (State("queued", "muted"), counts.queued)]
    return [(state, count) for state, count in (*wrong, *live, succeeded) if count]
