"""How AWS is called: with which patience, and with its errors turned into ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from domain.errors import Unavailable
from provisioners.ecs.failures import error_of

# Three tries within a call; then the caller's activity is tried again, slower and slower.
PATIENCE = AioConfig(
    retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=20, max_pool_connections=100
)


@contextmanager
def translate_errors(action: str, *, but: tuple[str, ...] = ()) -> Iterator[None]:
    """Within it, errors of AWS become ours; error answers with one of the codes in `but` pass as they are.

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


def code_and_message(error: ClientError) -> tuple[str, str]:
    answer = error.response.get("Error", {})
    return answer.get("Code", ""), answer.get("Message", "")
