"""Counts of invocations by how they stand, what went wrong first."""

from api.console.views.filters import Pairs
from api.console.views.states import State, state_of_outcome
from control_plane_server.domain.entities import InvocationCounts, InvocationOutcome, InvocationStatus

_ORDER = (
    InvocationOutcome.FAILED,
    InvocationOutcome.TIMED_OUT,
    InvocationOutcome.ABORTED,
    InvocationOutcome.CANCELLED,
    InvocationOutcome.SUCCEEDED,
)


def counted_states(counts: InvocationCounts) -> list[tuple[State, int, Pairs]]:
    """Those that there are, each with the fields of a filter that finds them; of what has not ended, all of it."""
    *wrong, succeeded = [
        (state_of_outcome(outcome), counts.by_outcome[outcome], (("outcome", outcome.value),)) for outcome in _ORDER
    ]
    live = [
        (State(word, tone), count, (("status", InvocationStatus.RUNNING.value),))
        for word, tone, count in (("running", "live", counts.running), ("queued", "muted", counts.queued))
    ]
    return [(state, count, fields) for state, count, fields in (*wrong, *live, succeeded) if count]
