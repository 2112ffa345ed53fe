"""What the API's refusals are called, and what they say."""

from __future__ import annotations

from typing import Any, Sequence

from control_plane.errors import Refused

# The server's error catalogue, as far as clients tell errors apart.
_CODES = {
    "The next offset is in an invalid format": "OffsetIsInvalid",
    "The project is being deleted": "ProjectIsBeingDeleted",
    "The API key is invalid": "ApiKeyIsInvalid",
    "A project with this name does not exist": "ProjectDoesNotExist",
    "A version with this ID does not exist for this project": "VersionDoesNotExist",
    "A function with this name does not exist for this project version": "FunctionDoesNotExist",
    "An invocation with this ID does not exist for this function": "InvocationDoesNotExist",
    "An execution with this ID does not exist for this invocation": "ExecutionDoesNotExist",
    "This invocation has saved no checkpoint": "CheckpointDoesNotExist",
    "A project with this name already exists.": "ProjectAlreadyExists",
    "This invocation has already terminated": "InvocationIsAlreadyTerminated",
    "A batch with this ID does not exist for this function": "BatchDoesNotExist",
    "This batch has already terminated": "BatchIsAlreadyTerminated",
    "A blob with this ID does not exist here": "BlobDoesNotExist",
    "A secret with this name does not exist for this project": "SecretDoesNotExist",
    "A schedule with this name does not exist for this project": "ScheduleDoesNotExist",
    "A webhook with this name does not exist for this project": "WebhookDoesNotExist",
}


def refusal(status: int, document: Any, *, is_repeat: bool = False) -> Refused:
    """Raises ValueError if the document is no refusal of a control plane."""
    try:
        detail = _text_of(document["detail"])
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("no refusal of a control plane") from error
    return Refused(status=status, code=_CODES.get(detail, ""), detail=detail, is_repeat=is_repeat)


def _place_of(parts: Sequence[Any]) -> str:
    """Without the argument of a call, which its message names: of many calls, only which one it is."""
    if parts[:1] == ["input"] and len(parts) > 1:
        return ""
    if parts[:1] == ["inputs"]:
        parts = parts[:2]
    return ".".join(str(part) for part in parts)


def _text_of(detail: Any) -> str:
    """A text; or of a 422, what is wrong with which field."""
    if isinstance(detail, str):
        return detail
    problem = detail[0]
    message = str(problem["msg"])
    prefix = "Value error, "
    message = message[len(prefix) :] if message.startswith(prefix) else message
    place = _place_of(problem["loc"][1:])
    return message if message.startswith(place) else "%s: %s" % (place, message)
