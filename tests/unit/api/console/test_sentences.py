"""What is said of an invocation, whatever state it is in."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.console.views.sentences import first_line, ordinal, sentence_of
from control_plane_server.catalog.queue_places import QueuePlace
from control_plane_server.domain.entities import (
    ContainerStatus,
    ExecutionOutcome,
    FunctionStatus,
    Invocation,
    InvocationOutcome,
    Pause,
)
from control_plane_server.domain.submit_options import SubmitOptions
from tests.unit.api.console.invocations import CONTAINER, NEXT, NOW, ago, ended, execution, failed, function, invocation

PAUSE = Pause(since=ago(9), until=None)
KEYED = SubmitOptions(concurrency_key="k", concurrency_limit=1)
RUNNING: dict[str, Any] = {
    "container_status": ContainerStatus.RUNNING,
    "container_details": CONTAINER,
    "launches": 1,
    "execution_start_time": ago(3),
}


@pytest.mark.parametrize(
    ("of", "place", "said"),
    [
        (invocation(), None, "Queued for 2 min 0 s: it is about to be taken up"),
        (
            invocation(),
            NEXT,
            "Queued for 2 min 0 s: it is the next, the function runs at most 3 at once",
        ),
        (
            invocation(),
            replace(NEXT, ahead=4),
            "Queued for 2 min 0 s: 4 are ahead of it, the function runs at most 3 at once",
        ),
        (
            invocation(),
            replace(NEXT, ahead=1_001),
            "Queued for 2 min 0 s: more than 1,000 are ahead of it, the function runs at most 3 at once",
        ),
        (
            invocation(),
            replace(NEXT, function_pause=PAUSE),
            "Queued for 2 min 0 s: the function is paused until it is resumed",
        ),
        (
            invocation(),
            replace(NEXT, project_pause=replace(PAUSE, until=NOW)),
            "Queued for 2 min 0 s: the project is paused until 2026-03-01 12:00:00 UTC",
        ),
        (
            invocation(options=KEYED),
            replace(NEXT, running_of_key=1),
            "Queued for 2 min 0 s: with its concurrency key “k” only one may run at once",
        ),
        (
            invocation(function=function(status=FunctionStatus.PENDING)),
            NEXT,
            "Queued for 2 min 0 s: the function is being prepared",
        ),
        (
            invocation(function=function(status=FunctionStatus.PENDING, preparation_error="no image\nx")),
            NEXT,
            "Queued for 2 min 0 s: the function cannot be prepared: no image",
        ),
        (
            invocation(not_before=NOW + timedelta(minutes=5)),
            None,
            "Delayed until 2026-03-01 12:05:00 UTC: it may begin in 5 min 0 s",
        ),
        (invocation(execution()), None, "Starting for 1 min 0 s: it has a slot"),
        (invocation(execution(launches=1)), None, "Starting for 1 min 0 s: its container is on the way"),
        (
            invocation(execution(error_message="no capacity")),
            None,
            "Starting for 1 min 0 s: no capacity",
        ),
        (
            invocation(execution(container_status=ContainerStatus.RUNNING)),
            None,
            "Starting for 1 min 0 s: its container is there and has not begun yet",
        ),
        (invocation(execution(**RUNNING)), None, "Running for 3.0 s"),
        (
            invocation(failed(), execution(2, **RUNNING)),
            None,
            "Running for 3.0 s, second attempt: the first failed with KeyError: 'cocoa'",
        ),
        (
            invocation(execution(**{**RUNNING, "outcome": ExecutionOutcome.SUCCEEDED})),
            None,
            "Ending its first attempt: the code has succeeded, and the container goes",
        ),
        (
            invocation(failed()),
            None,
            "Backing off for 9.0 s more, second attempt: the first failed with KeyError: 'cocoa'",
        ),
        (
            invocation(failed(last_update_time=ago(40))),
            replace(NEXT, attempt=2),
            "Queued for 30.0 s, second attempt: it is the next, the function runs at most 3 at once",
        ),
        (
            invocation(failed(last_update_time=ago(40))),
            None,
            "Backing off until its next attempt is taken up, second attempt: the first failed with KeyError: 'cocoa'",
        ),
        (invocation(cancellation_request_time=ago(2)), NEXT, "Cancelling for 2.0 s"),
        (
            invocation(execution(**RUNNING), cancellation_request_time=ago(2)),
            None,
            "Cancelling for 2.0 s: its container is told to end",
        ),
        (ended(InvocationOutcome.SUCCEEDED, execution()), None, "Succeeded after 2 min 0 s"),
        (
            ended(InvocationOutcome.SUCCEEDED, failed(), execution(2)),
            None,
            "Succeeded after 2 min 0 s, at the second attempt",
        ),
        (
            ended(InvocationOutcome.FAILED, failed(), failed(2)),
            None,
            "Failed after 2 min 0 s and 2 attempts: KeyError: 'cocoa'",
        ),
        (ended(InvocationOutcome.CANCELLED), None, "Cancelled after 2 min 0 s, before it began"),
        (
            ended(InvocationOutcome.TIMED_OUT, execution(), time_out="it waited for 60 s"),
            None,
            "Timed out after 2 min 0 s: it waited for 60 s",
        ),
    ],
)
def test_a_sentence(of: Invocation, place: QueuePlace | None, said: str) -> None:
    assert str(sentence_of(of, place, NOW)) == said


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "first"), (10, "tenth"), (11, "11th"), (12, "12th"), (21, "21st"), (22, "22nd"), (33, "33rd"), (111, "111th")],
)
def test_an_ordinal(number: int, word: str) -> None:
    assert ordinal(number) == word


def test_an_error_is_shortened() -> None:
    assert first_line("\n  one\ntwo") == "one"
    assert len(first_line("x" * 1_000)) == 300
