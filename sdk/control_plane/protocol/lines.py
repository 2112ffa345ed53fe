"""Lines of a stream that is opened again wherever it breaks."""

from __future__ import annotations

from typing import Callable, Optional

from control_plane.protocol.exchange import Peer, document_of, no_answer, refuse_what_passes
from control_plane.protocol.steps import Lost, NextLine, Open, Plan, Request
from control_plane.protocol.waiting import NEVER, Deadline, Pauses

_HEARTBEAT_SECONDS = 6.0  # a little more than what the API promises of results; of events it is 15
_PATIENCE_SECONDS = 600.0  # an API that is away for longer will not come back for this stream


Report = Callable[[Optional[str]], None]


def ignore(lost: str | None) -> None:
    """Nobody wants to know."""


class Lines:
    """`rest`: what to ask for now, called at each opening. `report`: told why the connection is lost, and None once
    there is one again."""

    def __init__(
        self,
        peer: Peer,
        rest: Callable[[], Request],
        *,
        deadline: Deadline = NEVER,
        report: Report = ignore,
    ) -> None:
        self._peer = peer
        self._rest = rest
        self._deadline = deadline
        self._report = report
        self._is_open = False
        self._is_lost = False
        self._silence_seconds = 0.0
        self._pauses = Pauses(deadline)

    def next(self) -> Plan[bytes]:
        """A line without its end, empty ones included. Raises Refused, Unreachable, and TimeoutError at the deadline.

        Whoever has all that there is does not ask again.
        """
        while True:
            self._deadline.check()
            try:
                if not self._is_open:
                    yield from self._open()
                line: bytes | None = yield NextLine()
                if line is None:
                    raise Lost("the server closed the connection", was_sent=True)
            except Lost as lost:
                yield from self._wait(lost)
                continue
            self._pauses.start_again()
            # Silence is noticed in time for the deadline only by a connection that was opened with that in mind.
            if not line and self._deadline.remaining(self._silence_seconds) < min(
                _HEARTBEAT_SECONDS, self._silence_seconds
            ):
                self._is_open = False
            return line

    def _open(self) -> Plan[None]:
        """Raises Lost, Refused."""
        request = self._rest()
        self._silence_seconds = max(0.01, self._deadline.remaining(request.silence_seconds))
        answer = yield Open(request._replace(silence_seconds=self._silence_seconds))
        refuse_what_passes(self._peer, answer)
        if answer.status >= 300:
            document_of(self._peer, answer)
        if self._is_lost:
            self._report(None)
        self._is_open, self._is_lost = True, False

    def _wait(self, lost: Lost) -> Plan[None]:
        self._is_open = False
        self._deadline.check()
        if not self._is_lost:
            self._report(lost.reason)
        self._is_lost = True
        goes_on = yield from self._pauses.wait(_PATIENCE_SECONDS, lost)
        if not goes_on:
            raise no_answer(self._peer, lost) from lost
