"""From our errors to what Temporal's retries act on."""

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.errors import Misconfigured, Unavailable, WorkerError

_LONGEST_MESSAGE = 1_000  # failures live in histories, which stay small


def shortened(message: str | None) -> str | None:
    """A message as histories keep it."""
    if message is None or len(message) <= _LONGEST_MESSAGE:
        return message
    return message[: _LONGEST_MESSAGE - 1] + "…"


def application_error(error: WorkerError) -> ApplicationError:
    """What passes by itself is retried and is no alarm; what only a person can mend is neither."""
    category = ApplicationErrorCategory.UNSPECIFIED
    if isinstance(error, Unavailable):
        category = ApplicationErrorCategory.BENIGN
    return ApplicationError(
        shortened(str(error)) or type(error).__name__,
        type=type(error).__name__,
        non_retryable=isinstance(error, Misconfigured),
        category=category,
    )
