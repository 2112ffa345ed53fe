"""What a single call may ask for, beside its arguments."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta


class Options:
    """`idempotency_key`: 1 to 255 ASCII characters; calls of one function with the same key are one invocation.

    `queue_timeout`: whole seconds, or a timedelta, that the call may wait for its first container; then it times out.
    It is in place of that of the function.
    """

    __slots__ = ("idempotency_key", "queue_timeout")

    def __init__(self, *, idempotency_key: str | None = None, queue_timeout: int | timedelta | None = None) -> None:
        """Raises ValueError for what is no key, and no whole number of seconds from 1 on."""
        if idempotency_key is not None and not (1 <= len(idempotency_key) <= 255 and idempotency_key.isascii()):
            raise ValueError("idempotency_key must be 1 to 255 ASCII characters, not %.60r" % idempotency_key)
        self.idempotency_key = idempotency_key
        self.queue_timeout = None if queue_timeout is None else _whole_seconds(queue_timeout)

    def over(self, others: Options) -> Options:
        """These, and of what they leave open those."""
        key, queue_timeout = self.idempotency_key, self.queue_timeout
        return Options(
            idempotency_key=others.idempotency_key if key is None else key,
            queue_timeout=others.queue_timeout if queue_timeout is None else queue_timeout,
        )

    def __repr__(self) -> str:
        return "Options(idempotency_key=%r, queue_timeout=%r)" % (self.idempotency_key, self.queue_timeout)


def _whole_seconds(value: int | timedelta) -> int:
    seconds: float = value if isinstance(value, (int, float)) else value.total_seconds()
    if seconds < 1 or seconds != int(seconds):
        raise ValueError("queue_timeout must be whole seconds, 1 at least, not %.60r" % (value,))
    return int(seconds)
