"""What failures say, also in another process and above a traceback."""

import pickle
import traceback

import control_plane as cp
import pytest
from control_plane.errors import failure_of
from control_plane.user_tracebacks import MOST_CHARACTERS, traceback_of

LINE = {
    "invocation_id": "inv-1",
    "outcome": "FAILED",
    "error_message": "ValueError: no: good",
    "error_traceback": "Traceback …\nValueError: no: good\n",
    "execution_id": "exe-2",
    "attempts": 2,
}


def test_a_failure_is_taken_apart() -> None:
    failure = failure_of(LINE)
    assert isinstance(failure, cp.InvocationFailed)
    assert (failure.type, failure.message, failure.attempt) == ("ValueError", "no: good", 2)
    assert (failure.execution_id, failure.invocation_id) == ("exe-2", "inv-1")
    assert str(failure) == "ValueError: no: good (inv-1, attempt 2)"
    shown = "".join(traceback.format_exception(failure))
    assert shown.index("Traceback …") < shown.index("InvocationFailed: ValueError")


@pytest.mark.parametrize(
    ("outcome", "kind", "text"),
    [
        ("FAILED", cp.InvocationFailed, "failed without saying why (inv-1, attempt 2)"),
        ("ABORTED", cp.InvocationFailed, "failed without saying why (inv-1, attempt 2)"),
        ("CANCELLED", cp.InvocationCancelled, "was cancelled (inv-1, attempt 2)"),
        ("TIMED_OUT", cp.InvocationTimedOut, "took longer than its function may (inv-1, attempt 2)"),
    ],
)
def test_each_end_has_its_kind(outcome: str, kind: type, text: str) -> None:
    failure = failure_of({**LINE, "outcome": outcome, "error_message": None})
    assert (type(failure), str(failure)) == (kind, text)


def test_what_is_no_exception_is_a_message() -> None:
    failure = failure_of({**LINE, "error_message": "out of memory: killed"})
    assert isinstance(failure, cp.InvocationFailed)
    assert (failure.type, failure.message) == (None, "out of memory: killed")


def test_an_invocation_that_does_not_exist() -> None:
    failure = failure_of({**LINE, "outcome": None, "error_message": "This invocation does not exist"})
    assert isinstance(failure, cp.Refused)
    assert failure.status == 404


@pytest.mark.parametrize("error", [failure_of(LINE), cp.Refused(409, "Code", "no"), cp.Unreachable("gone")])
def test_they_come_back_from_another_process(error: Exception) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.__dict__) == (type(error), str(error), error.__dict__)


def fail(depth: int) -> None:
    if depth:
        fail(depth - 1)
    raise ValueError("no good \0 \ud800")


def test_tracebacks_are_the_users() -> None:
    async def serialise() -> None:
        raise KeyError("inner")

    with pytest.raises(cp.InvocationFailed) as caught, cp.testing.local(serialise=serialise):
        cp.submit("serialise").result()
    inner = caught.value.traceback
    assert inner is not None
    first, second, *_, last = inner.splitlines()
    assert (first, last) == ("Traceback (most recent call last):", "KeyError: 'inner'")
    assert second.endswith("in serialise")


def test_tracebacks_are_bounded_and_storable() -> None:
    with pytest.raises(ValueError, match="no good") as caught:
        fail(3)
    text = traceback_of(caught.value)
    assert text.endswith("ValueError: no good ? ?\n")
    with pytest.raises(ValueError, match="x") as caught:
        raise ValueError("x" * 20_000 + "end")
    text = traceback_of(caught.value)
    assert (len(text), text[-4:]) == (MOST_CHARACTERS, "end\n")


def test_a_text_that_cannot_be_made_costs_nothing() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise SystemExit

    assert "Broken" in traceback_of(Broken()) or "SystemExit" in traceback_of(Broken())
