"""How an invocation stands, in one sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.console.views.retries import back_off_of
from api.console.views.times import duration
from control_plane_server.catalog.queue_places import MOST_AHEAD, QueuePlace
from control_plane_server.domain.entities import (
    ContainerStatus,
    Execution,
    FunctionStatus,
    Invocation,
    InvocationOutcome,
    Pause,
)

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_LONGEST_ERROR = 300
_TONES = {
    InvocationOutcome.SUCCEEDED: "good",
    InvocationOutcome.FAILED: "bad",
    InvocationOutcome.TIMED_OUT: "bad",
    InvocationOutcome.ABORTED: "bad",
    InvocationOutcome.CANCELLED: "warn",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """`word`: the state, with which the sentence begins. `tone`: the class of its colour. `elapsed`: for how long it
    has been so, which is said between the word and the rest; None: that is not said, or does not grow."""

    word: str
    tone: str
    rest: str
    elapsed: timedelta | None = None

    def __str__(self) -> str:
        lasting = "" if self.elapsed is None else f" for {duration(self.elapsed)}"
        return f"{self.word}{lasting}{self.rest}"


def sentence_of(invocation: Invocation, place: QueuePlace | None, now: datetime) -> Sentence:
    """`place`: in the queue; None: it is in none, or that was not looked up."""
    if invocation.outcome is not None:
        return _ended(invocation, invocation.outcome)
    last = invocation.executions[-1] if invocation.executions else None
    is_live = last is not None and last.container_status is not ContainerStatus.TERMINATED
    if invocation.cancellation_request_time is not None:
        what = ": its container is told to end" if is_live else ""
        elapsed = _elapsed(invocation.cancellation_request_time, now)
        return Sentence(word="Cancelling", tone="warn", rest=what, elapsed=elapsed)
    if last is not None and is_live:
        return _with_slot(invocation, last, now)
    if place is not None:
        return _queued(invocation, place, now)
    return _between(invocation, last, now)


def ordinal(number: int) -> str:
    """Counted from 1."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def first_line(error: str) -> str:
    """Of an error, as much as a sentence has room for."""
    line = error.strip().partition("\n")[0]
    return line if len(line) <= _LONGEST_ERROR else f"{line[: _LONGEST_ERROR - 1]}…"


def _ended(invocation: Invocation, outcome: InvocationOutcome) -> Sentence:
    took = _since(invocation.creation_time, invocation.last_update_time)
    attempts = len(invocation.executions)
    if outcome is InvocationOutcome.SUCCEEDED:
        rest = f" after {took}" + (f", at the {ordinal(attempts)} attempt" if attempts > 1 else "")
    else:
        tried = f" and {attempts} attempts" if attempts > 1 else "" if attempts else ", before it began"
        error = invocation.error_message
        rest = f" after {took}{tried}" + (f": {first_line(error)}" if error else "")
    return Sentence(word=outcome.replace("_", " ").capitalize(), tone=_TONES[outcome], rest=rest)


def _with_slot(invocation: Invocation, execution: Execution, now: datetime) -> Sentence:
    which = _attempt(execution.attempt)
    if execution.outcome is not None:
        ended = execution.outcome.lower()
        return Sentence(
            word="Ending",
            tone="live",
            rest=f" its {ordinal(execution.attempt)} attempt: the code has {ended}, and the container goes",
        )
    if execution.execution_start_time is not None:
        before = _earlier(invocation, execution.attempt)
        elapsed = _elapsed(execution.execution_start_time, now)
        return Sentence(word="Running", tone="live", rest=before, elapsed=elapsed)
    if execution.container_status is ContainerStatus.RUNNING:
        why = ": its container is there and has not begun yet"
    elif execution.error_message is not None:
        why = f": {first_line(execution.error_message)}"
    elif execution.launches:
        why = ": its container is on the way"
    else:
        why = ": it has a slot"
    return Sentence(word="Starting", tone="live", rest=f"{which}{why}", elapsed=_elapsed(execution.creation_time, now))


def _queued(invocation: Invocation, place: QueuePlace, now: datetime) -> Sentence:
    since = invocation.not_before or invocation.creation_time
    if place.attempt > 1 and invocation.executions:
        previous = invocation.executions[-1]
        since = previous.last_update_time + back_off_of(invocation, previous)
    if since > now:
        return _delayed(since, now)
    rest = f"{_attempt(place.attempt)}: {_obstacle(invocation, place)}"
    return Sentence(word="Queued", tone="muted", rest=rest, elapsed=_elapsed(since, now))


def _obstacle(invocation: Invocation, place: QueuePlace) -> str:
    function, options = invocation.function, invocation.options
    if place.project_pause is not None:
        return f"the project is paused{_until(place.project_pause)}"
    if place.function_pause is not None:
        return f"the function is paused{_until(place.function_pause)}"
    if function.preparation_error is not None:
        return f"the function cannot be prepared: {first_line(function.preparation_error)}"
    if function.status is FunctionStatus.PENDING:
        return "the function is being prepared"
    if options.concurrency_limit is not None and place.running_of_key >= options.concurrency_limit:
        limit = options.concurrency_limit
        at_once = "one may" if limit == 1 else f"{limit:,} may"
        return f"with its concurrency key “{options.concurrency_key}” only {at_once} run at once"
    if place.ahead == 0:
        who = "it is the next"
    elif place.ahead > MOST_AHEAD:
        who = f"more than {MOST_AHEAD:,} are ahead of it"
    else:
        who = f"{place.ahead:,} {'is' if place.ahead == 1 else 'are'} ahead of it"
    return f"{who}, the function runs at most {function.resource_spec.max_concurrency:,} at once"


def _between(invocation: Invocation, last: Execution | None, now: datetime) -> Sentence:
    """Neither in the queue nor with a slot."""
    if last is None:
        if invocation.not_before is not None and invocation.not_before > now:
            return _delayed(invocation.not_before, now)
        since = invocation.not_before or invocation.creation_time
        rest = ": it is about to be taken up"
        return Sentence(word="Queued", tone="muted", rest=rest, elapsed=_elapsed(since, now))
    ends = last.last_update_time + back_off_of(invocation, last)
    before = _earlier(invocation, last.attempt + 1)
    when = f" for {_since(now, ends)} more" if ends > now else " until its next attempt is taken up"
    return Sentence(word="Backing off", tone="warn", rest=f"{when}{before}")


def _delayed(until: datetime, now: datetime) -> Sentence:
    return Sentence(word="Delayed", tone="muted", rest=f" until {_exact(until)}: it may begin in {_since(now, until)}")


def _attempt(number: int) -> str:
    """Which attempt it is, unless it is the first."""
    return f", {ordinal(number)} attempt" if number > 1 else ""


def _earlier(invocation: Invocation, attempt: int) -> str:
    """The same, and what became of the one before."""
    previous = next((one for one in reversed(invocation.executions) if one.attempt < attempt), None)
    if previous is None or previous.error_message is None:
        return _attempt(attempt)
    failed = f"the {ordinal(previous.attempt)} failed with {first_line(previous.error_message)}"
    return f"{_attempt(attempt)}: {failed}"


def _until(pause: Pause) -> str:
    return f" until {_exact(pause.until)}" if pause.until is not None else " until it is resumed"


def _exact(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _since(begin: datetime, end: datetime) -> str:
    return duration(_elapsed(begin, end))


def _elapsed(begin: datetime, end: datetime) -> timedelta:
    return max(timedelta(), end - begin)
