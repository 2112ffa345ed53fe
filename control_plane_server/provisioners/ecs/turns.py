"""A rate limiter that is fair between versions, for calls of which AWS allows one a second."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from control_plane_server.domain.errors import Unavailable

_Turn = asyncio.Future[None]


@dataclass(slots=True)
class _Line:
    """The waits under one name. `served`: how many calls the name has had since the first of these waits began."""

    turns: deque[_Turn] = field(default_factory=deque)
    served: int = 0


class Turns:
    """A token bucket whose tokens are calls: `burst` of them at most, refilled by `per_second`.

    The next call is for the waiting name that has had the fewest, so that a thousand waits under one name delay no
    other name. `take_when_idle` is served when no name waits, and only while more than `reserve` calls are left.
    """

    def __init__(self, *, burst: int, per_second: float, reserve: int, most_patient: int) -> None:
        """`most_patient`: how many may wait in `take_when_idle`."""
        self._burst = burst
        self._per_second = per_second
        self._reserve = reserve
        self._most_patient = most_patient
        self._calls = float(burst)
        self._filled_at = time.monotonic()
        self._lines: dict[str, _Line] = {}
        self._patient: deque[_Turn] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, name: str) -> None:
        """Wait until a call may be made. `name`: of a version."""
        await self._wait_in(self._lines.setdefault(name, _Line()).turns)

    async def take_when_idle(self) -> None:
        """Wait until a call may be made for which no name waits. Raises Unavailable if `most_patient` wait for that
        already."""
        if len(self._patient) >= self._most_patient:
            raise Unavailable("Too much of what can wait is waiting for AWS's pace")
        await self._wait_in(self._patient)

    def empty(self) -> None:
        """AWS has throttled a call: other users of the account have used up what was thought to be left."""
        self._fill()
        self._calls = 0.0

    async def _wait_in(self, line: deque[_Turn]) -> None:
        turn: _Turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._serve()
        try:
            await turn
        finally:
            if turn in line:
                line.remove(turn)

    def _serve(self) -> None:
        """Serve waits as far as there are calls, and set a timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._fill()
        while self._calls >= 1 and (line := self._next_line()) is not None:
            line.served += 1
            self._give(line.turns)
        while self._calls >= self._reserve + 1 and self._patient and self._next_line() is None:
            self._give(self._patient)
        wanted = 1 if self._lines else self._reserve + 1
        if self._lines or self._patient:
            # A little more than what is missing: a timer may be early by the clock's resolution.
            missing = max(0.0, wanted - self._calls) / self._per_second + 0.001
            self._timer = asyncio.get_running_loop().call_later(missing, self._serve)

    def _next_line(self) -> _Line | None:
        for name in [name for name, line in self._lines.items() if not line.turns]:
            del self._lines[name]
        return min(self._lines.values(), key=lambda line: line.served, default=None)

    def _give(self, line: deque[_Turn]) -> None:
        turn = line.popleft()
        if not turn.done():  # else its wait was cancelled just now
            turn.set_result(None)
            self._calls -= 1

    def _fill(self) -> None:
        now = time.monotonic()
        self._calls = min(self._burst, self._calls + (now - self._filled_at) * self._per_second)
        self._filled_at = now
