"""Back-off and deadline, computed."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate, takewhile

import pytest

from control_plane_server.domain.bounds import MAX_TIMEOUT_SECONDS
from control_plane_server.domain.specs import ExecutionSpec
from control_plane_server.domain.webhooks import DELIVERY_PATIENCE
from workflows import policies
from workflows.policies import (
    GRANT_REPEAT,
    RUN_EXECUTION_START_TO_CLOSE,
    backoff_after,
    deadline_of,
    retry_policy_of,
    stop_patiences,
)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (50, 60.0)])
def test_the_default_backoff_doubles_up_to_a_minute(attempt: int, seconds: float) -> None:
    policy = retry_policy_of(ExecutionSpec(max_retries=50, timeout_seconds=60))
    assert backoff_after(attempt, policy) == timedelta(seconds=seconds)


def test_the_steepest_backoff_stays_within_its_maximum() -> None:
    spec = ExecutionSpec(
        max_retries=50,
        timeout_seconds=60,
        retry_initial_interval_seconds=3_600.0,
        retry_backoff_coefficient=10.0,
        retry_max_interval_seconds=86_400.0,
    )
    assert backoff_after(50, retry_policy_of(spec)) == timedelta(days=1)


def test_a_stop_of_what_does_not_end_is_repeated_less_and_less_often() -> None:
    """Temporal ends a workflow at 51,200 events, and each look is eleven."""
    ends = list(takewhile(lambda end: end < timedelta(days=3), accumulate(stop_patiences(), initial=timedelta())))
    assert ends[1:4] == [timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=70)]
    assert 100 < len(ends) < 200


def test_a_month_of_waiting_for_a_process_fits_into_a_history() -> None:
    """Temporal takes 10,000 signals of a workflow; each of them is four events."""
    longest = timedelta(seconds=MAX_TIMEOUT_SECONDS)
    signals = longest / GRANT_REPEAT
    assert signals < 10_000
    looks = list(takewhile(lambda end: end < longest, accumulate(stop_patiences(), initial=timedelta())))
    assert 4 * signals + 11 * len(looks) < 51_200
    assert longest + timedelta(hours=12) < RUN_EXECUTION_START_TO_CLOSE


def test_the_deadline_is_strictly_later_than_creation_plus_timeout_in_whole_seconds() -> None:
    created = datetime(2026, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
    deadline = deadline_of(created, ExecutionSpec(max_retries=0, timeout_seconds=10))
    assert deadline == datetime(2026, 1, 1, 12, 0, 11, tzinfo=UTC)


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 1.0), (0.25, 1.5), (0.5, 2.0), (0.999_999, 3.0)])
def test_jitter_makes_a_backoff_shorter_or_longer(drawn: float, seconds: float) -> None:
    policy = retry_policy_of(ExecutionSpec(max_retries=50, timeout_seconds=60))
    found = backoff_after(2, policy, jitter=0.5, drawn=drawn)
    assert found.total_seconds() == pytest.approx(seconds, abs=0.001)
    assert backoff_after(2, policy, jitter=0.0, drawn=drawn) == timedelta(seconds=2)
    assert backoff_after(50, policy, jitter=1.0, drawn=1.0) == timedelta(seconds=60), "its maximum all the same"
    waits = {backoff_after(50, policy, jitter=0.5, drawn=drawn / 10) for drawn in range(10)}
    assert len(waits) == 10, "what waits longest is spread, too"


def test_pauses_between_attempts_of_a_delivery_grow_to_six_hours_and_reach_three_days() -> None:
    pauses = [policies.delivery_pause_after(n, drawn=0.0, retry_after=None) for n in range(1, 40)]
    assert [pause.total_seconds() for pause in pauses[:4]] == [5, 15, 45, 135]
    assert max(pauses) == timedelta(hours=6)
    attempts = next(n for n in range(40) if sum(pauses[:n], timedelta()) >= DELIVERY_PATIENCE)
    assert 15 <= attempts <= 25
    assert policies.delivery_pause_after(1, drawn=1.0, retry_after=None) == timedelta(seconds=6)


def test_a_receiver_may_ask_for_more_but_not_for_less_and_not_for_ever() -> None:
    for asked, pause in ((1.0, 5), (3_600.0, 3_600), (1e12, 86_400)):
        found = policies.delivery_pause_after(1, drawn=0.0, retry_after=asked)
        assert found == timedelta(seconds=pause)
    assert policies.delivery_pause_after(10**6, drawn=1.0, retry_after=None) == timedelta(hours=7.2)
