"""From our errors to what Temporal's retries act on: for every activity, in one place."""

from typing import Any

import structlog
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import ContainerError, Unavailable
from domain.reasons import storable

logger = structlog.get_logger(__name__)

_LONGEST_MESSAGE = 1_000  # failures live in histories, which stay small


def shortened(message: str | None) -> str | None:
    """A message as histories keep it."""
    message = storable(message)
    if message is None or len(message) <= _LONGEST_MESSAGE:
        return message
    return message[: _LONGEST_MESSAGE - 1] + "…"


class DomainErrors(Interceptor):
    """Turns the errors of the catalog and the provisioners that activities let pass."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Translated(next)


class _Translated(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except ContainerError as error:
            logger.warning("activity_failed", reason=str(error))
            raise application_error(error) from error


def application_error(error: ContainerError) -> ApplicationError:
    """All of them are retried: what only a person can mend goes on by itself once it is mended.

    What passes by itself is no alarm.
    """
    category = ApplicationErrorCategory.UNSPECIFIED
    if isinstance(error, Unavailable):
        category = ApplicationErrorCategory.BENIGN
    return ApplicationError(shortened(str(error)) or "", type=type(error).__name__, category=category)
