"""What a single call may ask for, beside its arguments."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any, Dict, Mapping

_DAY = 24 * 60 * 60


class Options:
    """`idempotency_key`: 1 to 255 ASCII characters; calls of one function with the same key are one invocation.

    `queue_timeout`: whole seconds, or a timedelta, that the call may wait for its first container; then it times out.
    It is in place of that of the function.

    `tags`: up to 20 texts by their names, to find the call by. `delay`: whole seconds, or a timedelta, up to 30 days,
    before which it does not begin; its time-outs count from then on. `priority`: 0 to 9, 5 unless it is given: within
    the function the highest first, then the oldest; each step is worth an hour of waiting. Of calls with the same
    `concurrency_key` no more than `concurrency_limit` run at once, 1 unless it is given. `webhook`: a URL that is told
    the end beside the webhooks of the project, or `{"url": …, "events": ["invocation.failed", …]}`.
    """

    __slots__ = (
        "concurrency_key",
        "concurrency_limit",
        "delay",
        "idempotency_key",
        "priority",
        "queue_timeout",
        "tags",
        "webhook",
    )

    def __init__(
        self,
        *,
        idempotency_key: str | None = None,
        queue_timeout: int | timedelta | None = None,
        tags: Mapping[str, str] | None = None,
        delay: int | timedelta | None = None,
        priority: int | None = None,
        concurrency_key: str | None = None,
        concurrency_limit: int | None = None,
        webhook: str | Mapping[str, Any] | None = None,
    ) -> None:
        """Raises ValueError for what no call can ask for: it says which and why."""
        if idempotency_key is not None and not (1 <= len(idempotency_key) <= 255 and idempotency_key.isascii()):
            raise ValueError("idempotency_key must be 1 to 255 ASCII characters, not %.60r" % idempotency_key)
        self.idempotency_key = idempotency_key
        self.queue_timeout = _whole_seconds("queue_timeout", queue_timeout, least=1)
        self.tags = None if tags is None else _checked_tags(tags)
        self.delay = _whole_seconds("delay", delay, least=0)
        if self.delay is not None and self.delay > 30 * _DAY:
            raise ValueError("delay must be 30 days at most, not %.60r" % (delay,))
        if priority is not None and priority not in range(10):
            raise ValueError("priority must be a whole number from 0 to 9, not %.60r" % (priority,))
        self.priority = priority
        if concurrency_key is not None and not 1 <= len(concurrency_key) <= 256:
            raise ValueError("concurrency_key must be 1 to 256 characters, not %.60r" % concurrency_key)
        self.concurrency_key = concurrency_key
        if concurrency_limit is not None and concurrency_limit not in range(1, 10_001):
            raise ValueError("concurrency_limit must be a whole number from 1 to 10000, not %.60r" % concurrency_limit)
        self.concurrency_limit = concurrency_limit
        self.webhook: Mapping[str, Any] | None = {"url": webhook} if isinstance(webhook, str) else webhook

    def over(self, others: Options) -> Options:
        """These, and of what they leave open those."""
        given = {name: getattr(self, name) for name in self.__slots__}
        return Options(**{name: getattr(others, name) if own is None else own for name, own in given.items()})

    def fields(self) -> Dict[str, Any]:
        """Those of a submit's body that are given; the key is none, as it is in a header."""
        fields = {
            "queue_timeout_seconds": self.queue_timeout,
            "tags": self.tags,
            "delay_seconds": self.delay,
            "priority": self.priority,
            "concurrency_key": self.concurrency_key,
            "concurrency_limit": self.concurrency_limit,
            "webhook": self.webhook,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def __repr__(self) -> str:
        given = ((name, getattr(self, name)) for name in self.__slots__)
        return "Options(%s)" % ", ".join("%s=%r" % pair for pair in given if pair[1] is not None)


def _whole_seconds(name: str, value: int | timedelta | None, *, least: int) -> int | None:
    if value is None:
        return None
    seconds: float = value if isinstance(value, (int, float)) else value.total_seconds()
    if seconds < least or seconds != int(seconds):
        raise ValueError("%s must be whole seconds, %d at least, not %.60r" % (name, least, value))
    return int(seconds)


def _checked_tags(tags: Mapping[str, str]) -> Dict[str, str]:
    if len(tags) > 20:
        raise ValueError("tags must not be more than 20")
    for key, value in tags.items():
        if not (isinstance(key, str) and 1 <= len(key) <= 64) or ":" in key:
            raise ValueError("keys of tags must be 1 to 64 characters without a colon, not %.60r" % (key,))
        if not isinstance(value, str) or len(value) > 256:
            raise ValueError("values of tags must be texts of 256 characters at most; that of %r is not" % key)
    return dict(tags)
