"""How far a batch is."""

from dataclasses import replace
from typing import Any

from api.console.views.batches import failures_of, progress_of
from api.console.views.states import State
from control_plane_server.domain.batches import Batch
from control_plane_server.domain.entities import InvocationCounts, InvocationOutcome
from control_plane_server.domain.identifiers import BatchId
from tests.unit.api.console.invocations import NOW, ago, function


def batch(queued: int = 0, running: int = 0, **ended: int) -> Batch:
    counts = InvocationCounts(
        queued=queued,
        running=running,
        by_outcome={outcome: ended.get(outcome.value, 0) for outcome in InvocationOutcome},
    )
    fields: dict[str, Any] = {
        "batch_id": BatchId("bat-1"),
        "function": function().ref,
        "execution_spec": function().execution_spec,
        "parent": None,
        "size": counts.total,
        "creation_time": ago(60),
        "last_update_time": NOW,
        "cancellation_request_time": None,
        "completion_time": None,
    }
    return Batch(counts=counts, **fields)


def test_what_went_wrong_comes_first_and_shares_fill_the_drawing() -> None:
    progress = progress_of(batch(queued=5, running=1, SUCCEEDED=2, FAILED=1, CANCELLED=1))
    assert [(share.state.word, share.count) for share in progress.shares] == [
        ("failed", 1),
        ("cancelled", 1),
        ("running", 1),
        ("queued", 5),
        ("succeeded", 2),
    ]
    assert [(share.x, share.width) for share in progress.shares] == [
        (0, 100),
        (100, 100),
        (200, 100),
        (300, 500),
        (800, 200),
    ]
    assert (progress.ended, progress.state) == (4, State("Running", "live"))
    assert progress.shares[0].fields == (("outcome", "FAILED"),)


def test_one_of_many_is_seen() -> None:
    first, *_ = progress_of(batch(queued=9_999, FAILED=1)).shares
    assert first.width == 1


def test_states() -> None:
    whole = replace(batch(SUCCEEDED=2), completion_time=NOW)
    assert progress_of(whole).state == State("Ended", "good")
    assert progress_of(replace(batch(TIMED_OUT=2), completion_time=NOW)).state == State("Ended", "bad")
    assert progress_of(replace(batch(queued=2), cancellation_request_time=NOW)).state == State("Cancelling", "warn")
    assert failures_of(batch(FAILED=1, TIMED_OUT=2, ABORTED=3, CANCELLED=4, SUCCEEDED=5)) == 6
