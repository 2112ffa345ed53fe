"""What a single call may ask for, beside its arguments."""

from __future__ import annotations


class Options:
    """`idempotency_key`: 1 to 255 ASCII characters; calls of one function with the same key are one invocation."""

    __slots__ = ("idempotency_key",)

    def __init__(self, *, idempotency_key: str | None = None) -> None:
        self.idempotency_key = idempotency_key

    def __repr__(self) -> str:
        return "Options(idempotency_key=%r)" % (self.idempotency_key,)
