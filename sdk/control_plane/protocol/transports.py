"""Who sends requests for the drivers: one try each, with connections of their own."""

from __future__ import annotations

from typing import Protocol

from control_plane.protocol.steps import Answer, Request


class OpenStream(Protocol):
    """`answer`: whole, unless its status is below 300."""

    answer: Answer

    def next_line(self) -> bytes | None:
        """Without its end; None at the end of the stream. Raises Lost."""

    def close(self) -> None:
        """May be repeated."""


class Transport(Protocol):
    def send(self, request: Request) -> Answer:
        """Raises Lost."""

    def open(self, request: Request) -> OpenStream:
        """Raises Lost."""


class AsyncOpenStream(Protocol):
    """As OpenStream."""

    answer: Answer

    async def next_line(self) -> bytes | None:
        """Without its end; None at the end of the stream. Raises Lost."""

    async def close(self) -> None:
        """May be repeated."""


class AsyncTransport(Protocol):
    async def send(self, request: Request) -> Answer:
        """Raises Lost."""

    async def open(self, request: Request) -> AsyncOpenStream:
        """Raises Lost."""
