"""Whose fault a refusal by AWS is: the user's, an operator's, or one that passes by itself. By code and by text.

Sources: Amazon ECS API reference, "RunTask" and "API failures messages"; developer guide, "Service event messages".
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from control_plane_server.domain.errors import ContainerError, FunctionFailure, Misconfigured, NoCapacity, Unavailable

if TYPE_CHECKING:
    from types_aiobotocore_ecs.type_defs import FailureTypeDef

_COUNTED = r"(?:vcpu|task|instance|interface|address)\w*"
_NO_CAPACITY = re.compile(
    "|".join(
        (
            r"capacity (?:is |are )?(?:\w+ )?(?:un|not )available",
            r"(?:insufficient|lack of|no|not enough|out of|(?:not|n't) have (?:sufficient|enough))"
            r" (?:\w+ )?capacity",
            r"empty capacity provider|\bRESOURCE:[A-Z]|no (?:active|container) instances?",
            r"quota of tasks in the PROVISIONING",
            r"limit on the number of|(?<!Request)LimitExceeded(?!Exception)",
            rf"{_COUNTED} (?:limit|quota) (?:is |was |has been )?(?:exceeded|reached)",
            rf"(?:exceed|reached)\w*[^.;]{{0,60}}(?:{_COUNTED} (?:limit|quota)|quota[^.;]{{0,20}} {_COUNTED})",
            r"InsufficientFreeAddresses",
            r"(?:no|not enough|insufficient|out of) (?:\w+ )?(?:free |available |private )*(?:IP(?:v4|v6)? )?address",
            # So AWS says that a subnet has no address left. What it says of another reason follows after a colon.
            r"Create Network Interface[^:]*$",
        )
    ),
    re.IGNORECASE,
)

# AWS hides its own troubles with other services, and races on a family, in texts of other errors.
_THROTTLED = re.compile(r"rate exceeded|throttl|request limit exceeded|too many (concurrent|requests)", re.IGNORECASE)
_OTHER_SERVICE_IS_AWAY = re.compile(r"ErrorCode: (Internal\w*|\w*Unavailable)", re.IGNORECASE)
_PASSES_BY_ITSELF = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "RequestExpired",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
# Credentials are renewed by themselves where they come from a role; and a request that a paused process sends late, or
# one from a machine whose clock is off, is refused like a wrong signature. For how long: `refusals`.
_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


def is_throttled(code: str, message: str) -> bool:
    """Whether an error answer means throttling, which AWS says by several codes and texts."""
    return _THROTTLED.search(code) is not None or _THROTTLED.search(message) is not None


def is_about_credentials(code: str, _message: str) -> bool:
    """Whether an error answer means that the caller's credentials are not valid, now or at all."""
    return code in _CREDENTIALS


def is_about_permissions(code: str, message: str) -> bool:
    """Whether an error answer means that a permission is missing, or has not spread yet."""
    return "AccessDenied" in code or "not authorized" in message or "unable to assume" in message


def lacks_capacity(text: str) -> bool:
    """Whether there is no room now: no capacity, no address, or a quota is used up."""
    return _NO_CAPACITY.search(text) is not None


def error_of(action: str, code: str, message: str, *, http_status: int = 400) -> ContainerError:
    """The error for an error answer of AWS. `action`: as IAM names it, `ecs:RunTask`."""
    text = f"{action}: {code}: {message}"
    if is_throttled(code, message):
        return Unavailable(f"AWS asks to slow down: {text}")
    if is_about_credentials(code, message):
        return Unavailable(f"AWS does not take the control plane's credentials: {text}")
    if http_status >= 500 or code in _PASSES_BY_ITSELF or _OTHER_SERVICE_IS_AWAY.search(message):
        return Unavailable(f"AWS is unavailable: {text}")
    if lacks_capacity(message):
        return NoCapacity(message)
    if is_about_permissions(code, message):
        return Misconfigured(f"The control plane lacks a permission in AWS: {text}")
    return Misconfigured(f"AWS refuses: {text}")


def refused_definition(code: str, message: str) -> ContainerError:
    """The error for a task definition that ECS does not accept: the user's fault, unless it is throttled or passes by
    itself."""
    error = error_of("ecs:RegisterTaskDefinition", code, message)
    return FunctionFailure(f"ECS refuses the function: {message}") if isinstance(error, Misconfigured) else error


def refused_launch(failures: "Sequence[FailureTypeDef]") -> ContainerError:
    """The error for an answer of RunTask without a task."""
    reasons = [failure.get("reason", "") for failure in failures]
    text = "; ".join(
        f"{reason} ({failure['detail']})" if failure.get("detail") else reason
        for reason, failure in zip(reasons, failures, strict=True)
    )
    if not failures or "AGENT" in reasons:
        return NoCapacity(f"ECS started nothing, and gave {text or 'no reason'}")
    if any(lacks_capacity(reason) for reason in reasons):
        return NoCapacity(text)
    return Misconfigured(f"ECS cannot provision the container: {text}")
