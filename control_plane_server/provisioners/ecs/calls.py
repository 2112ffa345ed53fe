"""Timeouts and retries of calls to AWS, and the translation of its errors into ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from control_plane_server.domain.errors import Unavailable
from control_plane_server.provisioners.ecs.failures import error_of, is_about_permissions

# Three tries within a call; then the activity that called is retried, at growing intervals.
PATIENCE = AioConfig(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=20, max_pool_connections=100
)


@contextmanager
def translate_errors(action: str, *, but: tuple[str, ...] = ()) -> Iterator[None]:
    """Turns errors of AWS into those of `domain.errors`; a ClientError with one of the codes in `but` passes as it is.

    `action`: as IAM names it, `ecs:RunTask`.
    """
    try:
        yield
    except ClientError as error:
        code, message = code_and_message(error)
        if code in but:
            raise
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        raise error_of(action, code, message, http_status=status) from error
    except ParamValidationError:  # a defect of ours
        raise
    except (BotoCoreError, OSError) as error:  # no answer, or no credentials at this time
        raise Unavailable(f"AWS does not answer: {action}: {error}") from error


def is_denied(error: ClientError) -> bool:
    """Whether a permission is missing."""
    return is_about_permissions(*code_and_message(error))


def code_and_message(error: ClientError) -> tuple[str, str]:
    """The code and the message of an error answer; empty texts where it has none."""
    answer = error.response.get("Error", {})
    return answer.get("Code", ""), answer.get("Message", "")
