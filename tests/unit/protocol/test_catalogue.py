"""What clients know of the server's bounds and errors is what the server has."""

from control_plane.protocol.bounds import MAX_CHECKPOINT_BYTES, MAX_INPUT_LENGTH, MAX_LARGE_CHECKPOINT_BYTES
from control_plane.protocol.refusals import refusal

from api.schema_files import error_types
from control_plane_server.domain import bounds
from control_plane_server.domain.errors import InvocationIsAlreadyTerminated, ProjectDoesNotExist

_TOLD_APART = {
    "ApiKeyIsInvalid",
    "BatchDoesNotExist",
    "BatchIsAlreadyTerminated",
    "BlobDoesNotExist",
    "CheckpointDoesNotExist",
    "ExecutionDoesNotExist",
    "FunctionDoesNotExist",
    "InvocationDoesNotExist",
    "InvocationIsAlreadyTerminated",
    "OffsetIsInvalid",
    "ProjectAlreadyExists",
    "ProjectDoesNotExist",
    "ProjectIsBeingDeleted",
    "ScheduleDoesNotExist",
    "SecretDoesNotExist",
    "VersionDoesNotExist",
    "WebhookDoesNotExist",
}


def test_refusals_have_the_names_of_the_catalogue() -> None:
    named = {error["class"]: refusal(int(error["code"]), {"detail": error["detail"]}).code for error in error_types()}
    assert {name for name, code in named.items() if code} == _TOLD_APART
    assert all(code in ("", name) for name, code in named.items())
    assert ProjectDoesNotExist.__name__ in _TOLD_APART
    assert InvocationIsAlreadyTerminated.__name__ in _TOLD_APART


def test_bounds_are_the_same() -> None:
    assert MAX_INPUT_LENGTH == bounds.MAX_INPUT_LENGTH
    assert MAX_CHECKPOINT_BYTES == bounds.MAX_CHECKPOINT_BYTES
    assert MAX_LARGE_CHECKPOINT_BYTES == bounds.MAX_LARGE_CHECKPOINT_BYTES
