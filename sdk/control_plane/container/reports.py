"""What a container says about its work when it is done, cut to what the API takes."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from control_plane.encoding import encode
from control_plane.errors import DoNotRetry
from control_plane.user_tracebacks import traceback_of

MAX_OUTPUT_LENGTH = 249_999
NO_RESULT = "null"  # of a generator; one that is stopped keeps its progress instead
MAX_ERROR_MESSAGE_LENGTH = 16_383
TERMINATED = 143  # what shells say of a program that SIGTERM ended

_SHORTENED = " … (shortened)"


class PlainFailure(Exception):
    """A failure whose text says all that the user needs: no class name, no traceback of ours."""


class FinalFailure(PlainFailure):
    """The next attempt would fail in the same way."""


class OutputIsUnusable(FinalFailure):
    """A value that was returned or yielded cannot be handed to the API."""


class Report(NamedTuple):
    """Outcome SUCCEEDED, FAILED or ABORTED; an output of None keeps what the last progress update said. `is_final`: no
    other attempt can help. `output_blob`: of an output that is too long for a report, in its place."""

    outcome: str
    output: str | None = None
    error_message: str | None = None
    error_traceback: str | None = None
    is_final: bool = False
    output_blob: str | None = None

    @property
    def exit_code(self) -> int:
        """What the program exits with."""
        return {"SUCCEEDED": 0, "FAILED": 1, "ABORTED": TERMINATED}[self.outcome]


class Output(NamedTuple):
    """`blob`: the id of an output that is too long for a report, in place of its text."""

    text: str | None
    blob: str | None = None


def failed(error: BaseException, *, no_retry_on: Sequence[str] = ()) -> Report:
    """A failure with the error's name and text, and the traceback of the user's code. `no_retry_on`: names of classes
    that make it final, of the error itself or of one that it is derived from; with their module or without."""
    shown = error.__cause__ if isinstance(error, PlainFailure) else error
    return Report(
        "FAILED",
        error_message=shortened(storable(described(error))),
        error_traceback=None if shown is None else traceback_of(shown),
        is_final=isinstance(error, (FinalFailure, DoNotRetry)) or _is_any_of(error, no_retry_on),
    )


def described(error: BaseException) -> str:
    """`ValueError: no good`. Never raises: names and texts of exceptions may be code of the user's."""
    text = _text_of(error)
    return text if isinstance(error, PlainFailure) else "%s: %s" % (_name_of(error), text)


def as_progress(value: Any) -> str:
    """The value as JSON. Raises OutputIsUnusable, also if it is longer than the API takes."""
    return bounded(as_output(value))


def _is_any_of(error: BaseException, names: Sequence[str]) -> bool:
    if not names or isinstance(error, PlainFailure):
        return False
    try:
        return any(
            kind.__name__ in names or "%s.%s" % (kind.__module__, kind.__qualname__) in names
            for kind in type(error).__mro__
        )
    except BaseException:  # a metaclass may say no
        return False


def as_output(value: Any) -> str:
    """The value as JSON. Raises OutputIsUnusable."""
    try:
        return encode(value, name="result")
    except TypeError as error:
        raise OutputIsUnusable("The output cannot be written as JSON: %s" % _text_of(error)) from error


def bounded(output: str) -> str:
    """The output itself. Raises OutputIsUnusable if it is longer than the API takes."""
    if len(output) > MAX_OUTPUT_LENGTH:
        raise OutputIsUnusable(
            "The output is {:,} characters long; at most {:,} are possible".format(len(output), MAX_OUTPUT_LENGTH)
        )
    return output


def storable(text: str) -> str:
    """The text without what the catalog cannot hold: NUL and halves of surrogate pairs become question marks."""
    return text.replace("\0", "?").encode(errors="replace").decode()


def shortened(error_message: str) -> str:
    if len(error_message) <= MAX_ERROR_MESSAGE_LENGTH:
        return error_message
    return error_message[: MAX_ERROR_MESSAGE_LENGTH - len(_SHORTENED)] + _SHORTENED


def _text_of(error: BaseException) -> str:
    try:
        return "%s" % (error,)
    except BaseException as nested:  # whatever it is, it must not cost us the report
        return "(its text raised %s)" % _name_of(nested)


def _name_of(error: BaseException) -> str:
    try:
        return "%s" % (type(error).__name__,)
    except BaseException:  # a metaclass may say no
        return "exception"
