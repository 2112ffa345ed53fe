"""What results stand for: values, or the errors that invocations have ended with."""

from typing import Any

from control_plane.decoding import output_value
from control_plane.errors import ControlPlaneError, failure_of
from control_plane.protocol.results import Result
from control_plane.protocol.states import SUCCEEDED


def outcome(result: Result, *, is_command: bool) -> Any:
    """The value that a function returned, the text that a command wrote; or the error, which is not raised."""
    if result.output_error is not None:
        return result.output_error
    return value(result, is_command=is_command) if result.outcome == SUCCEEDED else failure(result)


def value(result: Result, *, is_command: bool) -> Any:
    """Raises the error that it stands for; of an output that Python cannot read, ValueError."""
    if result.outcome != SUCCEEDED:
        raise failure(result)
    if result.output_error is not None:
        raise result.output_error
    return output_value(result.output, is_text=is_command)


def failure(result: Result) -> ControlPlaneError:
    return failure_of(result._asdict())
