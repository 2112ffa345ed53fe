"""How far a batch is."""

from dataclasses import dataclass

from api.console.views.counts import counted_states
from api.console.views.filters import Pairs
from api.console.views.states import State
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus

FAILURES = (InvocationOutcome.FAILED, InvocationOutcome.TIMED_OUT, InvocationOutcome.ABORTED)
_WIDTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`x`, `width`: of a drawing of 1,000. `fields`: of a filter that finds them."""

    state: State
    count: int
    fields: Pairs
    x: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """`ended`: how many have."""

    state: State
    ended: int
    shares: tuple[Share, ...]


def progress_of(batch: Batch) -> BatchProgress:
    shares, before = [], 0
    for state, count, fields in counted_states(batch.counts):
        x = before * _WIDTH // batch.size
        before += count
        width = max(1, before * _WIDTH // batch.size - x)
        shares.append(Share(state=state, count=count, fields=fields, x=x, width=width))
    return BatchProgress(
        state=_state_of(batch),
        ended=batch.size - batch.counts.queued - batch.counts.running,
        shares=tuple(shares),
    )


def failures_of(batch: Batch) -> int:
    """How many failed, timed out or were aborted."""
    return sum(batch.counts.by_outcome[outcome] for outcome in FAILURES)


def _state_of(batch: Batch) -> State:
    if batch.status is InvocationStatus.TERMINATED:
        return State("Ended", "bad" if failures_of(batch) else "good")
    return State("Running", "live") if batch.cancellation_request_time is None else State("Cancelling", "warn")
