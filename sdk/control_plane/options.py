"""What a single call may ask for, beside its arguments."""

from __future__ import annotations


class Options:
    """`idempotency_key`: 1 to 255 ASCII characters; calls of one function with the same key are one invocation."""

    __slots__ = ("idempotency_key",)

    def __init__(self, *, idempotency_key: str | None = None) -> None:
        """Raises ValueError for what is no key."""
        if idempotency_key is not None and not (1 <= len(idempotency_key) <= 255 and idempotency_key.isascii()):
            raise ValueError("idempotency_key must be 1 to 255 ASCII characters, not %.60r" % idempotency_key)
        self.idempotency_key = idempotency_key

    def __repr__(self) -> str:
        return "Options(idempotency_key=%r)" % (self.idempotency_key,)
