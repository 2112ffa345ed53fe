"""How things stand, in a word and a tone: the tone is a class of the style sheet and says no more than the word."""

from dataclasses import dataclass

from control_plane_server.domain.entities import (
    Function,
    InvocationOutcome,
    InvocationStatus,
    InvocationSummary,
    VersionStatus,
)

_GOOD, _BAD, _WARN, _LIVE, _MUTED = "good", "bad", "warn", "live", "muted"
_OUTCOME_TONES = {
    InvocationOutcome.SUCCEEDED: _GOOD,
    InvocationOutcome.FAILED: _BAD,
    InvocationOutcome.TIMED_OUT: _BAD,
    InvocationOutcome.ABORTED: _BAD,
    InvocationOutcome.CANCELLED: _WARN,
}
_VERSION_TONES = {VersionStatus.READY: _GOOD, VersionStatus.PENDING: _LIVE, VersionStatus.REFUSED: _BAD}


@dataclass(frozen=True, slots=True)
class State:
    word: str
    tone: str


def state_of_outcome(outcome: InvocationOutcome) -> State:
    return State(in_words(outcome), _OUTCOME_TONES[outcome])


def state_of_summary(invocation: InvocationSummary) -> State:
    if invocation.outcome is not None:
        return state_of_outcome(invocation.outcome)
    if invocation.status is InvocationStatus.TERMINATED:
        return State("ended", _MUTED)
    if invocation.cancellation_request_time is not None:
        return State("cancelling", _WARN)
    return State("queued", _MUTED) if invocation.totals.attempts == 0 else State("running", _LIVE)


def state_of_version(status: VersionStatus) -> State:
    return State(in_words(status), _VERSION_TONES[status])


def state_of_function(function: Function) -> State:
    """Of one of a version."""
    is_refused = function.preparation_error is not None
    return state_of_version(VersionStatus.REFUSED if is_refused else VersionStatus(function.status))


def in_words(constant: str) -> str:
    """As a person writes it."""
    return constant.lower().replace("_", " ")
