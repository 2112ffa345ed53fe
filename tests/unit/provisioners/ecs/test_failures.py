"""Whose fault a refusal is: the texts are those of AWS."""

import pytest

from control_plane_server.domain.errors import ContainerError, FunctionFailure, Misconfigured, NoCapacity, Unavailable
from control_plane_server.provisioners.ecs.failures import error_of, refused_definition, refused_launch

NO_ROOM = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


@pytest.mark.parametrize(
    ("code", "message", "http_status", "expected"),
    [
        ("ThrottlingException", "Rate exceeded", 400, Unavailable),
        (
            "InvalidParameterException",
            "Error retrieving subnet information for [subnet-1]: Rate exceeded (ErrorCode: Throttling)",
            400,
            Unavailable,
        ),
        (
            "InvalidParameterException",
            "Error retrieving security group information: Request limit exceeded.",
            400,
            Unavailable,
        ),
        (
            "ClientException",
            "Too many concurrent attempts to create a new revision of the specified family.",
            400,
            Unavailable,
        ),
        ("ServerException", "Service Unavailable. Please try again later.", 500, Unavailable),
        ("Whatever", "", 503, Unavailable),
        (
            "InvalidParameterException",
            "Error retrieving subnet information for [subnet-1]: internal error (ErrorCode: InternalError)",
            400,
            Unavailable,
        ),
        ("InvalidSignatureException", "Signature expired: 20261125T030000Z is now earlier than", 403, Unavailable),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", 400, Unavailable),
        ("ExpiredTokenException", "The security token included in the request is expired", 400, Unavailable),
        (
            "ClientException",
            "You've reached the limit on the number of vCPUs you can run concurrently",
            400,
            NoCapacity,
        ),
        ("AccessDeniedException", "User is not authorized to perform: ecs:RunTask", 400, Misconfigured),
        ("ClusterNotFoundException", "Cluster not found.", 400, Misconfigured),
        ("InvalidParameterException", "The subnet ID 'subnet-1' does not exist", 400, Misconfigured),
        ("BlockedException", "Your Amazon Web Services account was blocked.", 400, Misconfigured),
        ("ClientException", "TaskDefinition is inactive", 400, Misconfigured),
    ],
)
def test_error_answers(code: str, message: str, http_status: int, expected: type[ContainerError]) -> None:
    error = error_of("ecs:RunTask", code, message, http_status=http_status)
    assert type(error) is expected
    assert message in str(error)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("RESOURCE:CPU", NoCapacity),
        ("RESOURCE:ENI", NoCapacity),
        (NO_ROOM, NoCapacity),
        ("You've reached the limit on the number of tasks you can run concurrently", NoCapacity),
        ("AGENT", NoCapacity),
        ("The requested CPU configuration is above your limit", Misconfigured),
        ("ATTRIBUTE", Misconfigured),
        ("INACTIVE", Misconfigured),
    ],
)
def test_success_without_a_task(reason: str, expected: type[ContainerError]) -> None:
    error = refused_launch([{"arn": "arn", "reason": reason, "detail": "a detail"}])
    assert type(error) is expected
    assert f"{reason} (a detail)" in str(error)


def test_neither_task_nor_failure_is_tried_again() -> None:
    assert type(refused_launch([])) is NoCapacity


def test_what_is_wrong_with_a_definition_is_the_users_doing() -> None:
    assert (
        type(refused_definition("ClientException", "Container.image contains invalid characters.")) is FunctionFailure
    )
    too_much = refused_definition("ClientException", "Too many concurrent attempts to create a new revision")
    assert type(too_much) is Unavailable
