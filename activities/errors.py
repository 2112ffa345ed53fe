"""Translates the errors of `domain.errors` into Temporal's, for all activities."""

from typing import Any

import structlog
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from control_plane_server.domain.errors import ContainerError, Unavailable
from control_plane_server.domain.reasons import storable

logger = structlog.get_logger(__name__)

_LONGEST_MESSAGE = 1_000  # failures live in histories, which stay small


def shortened(message: str | None) -> str | None:
    """The message, cut to 1,000 characters for histories. None stays None."""
    message = storable(message)
    if message is None or len(message) <= _LONGEST_MESSAGE:
        return message
    return message[: _LONGEST_MESSAGE - 1] + "…"


class DomainErrors(Interceptor):
    """Interceptor: turns each ContainerError that an activity raises into an ApplicationError."""

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
    """Its type is the error's class name. All are retried, also what only an operator can repair: it goes on once it is
    repaired. Unavailable is BENIGN, so that what passes by itself raises no alarm.
    """
    category = ApplicationErrorCategory.UNSPECIFIED
    if isinstance(error, Unavailable):
        category = ApplicationErrorCategory.BENIGN
    return ApplicationError(shortened(str(error)) or "", type=type(error).__name__, category=category)
