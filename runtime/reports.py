"""What a container says about its work when it is done, cut to what the API takes."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

MAX_OUTPUT_LENGTH = 249_999
MAX_ERROR_MESSAGE_LENGTH = 16_383

_SHORTENED = " … (shortened)"


class PlainFailure(Exception):
    """A failure whose text says all that the user needs: no class name, no traceback of ours."""


class OutputIsUnusable(PlainFailure):
    """A value that was returned or yielded cannot be handed to the API."""


class Report(NamedTuple):
    """Outcome SUCCEEDED, FAILED or ABORTED; an output of None keeps what the last progress update said."""

    outcome: str
    output: str | None = None
    error_message: str | None = None

    @property
    def exit_code(self) -> int:
        """What the program exits with; 143 is what shells say of a program that SIGTERM ended."""
        return {"SUCCEEDED": 0, "FAILED": 1, "ABORTED": 143}[self.outcome]


def failed(error_message: str) -> Report:
    return Report("FAILED", error_message=shortened(storable(error_message)))


def as_output(value: Any) -> str:
    """The value as JSON, NaN and infinities as Python writes them. Raises OutputIsUnusable."""
    try:
        text = json.dumps(value, ensure_ascii=False)
        if not _is_unicode(text):
            text = json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputIsUnusable("The output cannot be written as JSON: %s" % error) from error
    return bounded(text)


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


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
