"""A server that is a list of what it answers, and a clock that only plans move."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from control_plane.protocol import async_drivers, drivers, waiting
from control_plane.protocol.exchange import Peer
from control_plane.protocol.steps import Answer, Lost, Request
from control_plane.protocol.waiting import Patience

PEER = Peer(name="http://server (of the test)", advice="is it running?", patience=Patience(5.0, 30.0, 0.0))
# An answer to a request, or what comes of it instead; of a stream, its lines and how it ends: None, or Lost.
Scripted = Answer | Lost | list[bytes | Lost | None]


@dataclass
class Clock:
    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    monkeypatch.setattr(waiting, "monotonic", lambda: clock.now)
    monkeypatch.setattr(drivers, "sleep", clock.sleep)
    monkeypatch.setattr(async_drivers, "sleep", sleep)
    return clock


class ScriptedStream:
    def __init__(self, lines: Sequence[bytes | Lost | None]) -> None:
        self.answer = Answer(200, {})
        self.is_closed = False
        self._lines = iter(lines)

    def next_line(self) -> bytes | None:
        line = next(self._lines)
        if isinstance(line, Lost):
            raise line
        return line

    def close(self) -> None:
        self.is_closed = True


class WholeAnswer:
    """Instead of a stream."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def next_line(self) -> bytes | None:
        raise AssertionError("nobody reads on")

    def close(self) -> None:
        pass


class ScriptedTransport:
    def __init__(self, *script: Scripted, then: Callable[[], None] = lambda: None) -> None:
        self.requests: list[Request] = []
        self.streams: list[ScriptedStream] = []
        self._script = iter(script)
        self._then = then

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        scripted = next(self._script)
        self._then()
        if isinstance(scripted, Lost):
            raise scripted
        assert isinstance(scripted, Answer)
        return scripted

    def open(self, request: Request) -> ScriptedStream | WholeAnswer:
        self.requests.append(request)
        scripted = next(self._script)
        if isinstance(scripted, Lost):
            raise scripted
        if isinstance(scripted, Answer):
            return WholeAnswer(scripted)
        self.streams.append(ScriptedStream(scripted))
        return self.streams[-1]


def answered(document: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, _written(document))


def lost(*, was_sent: bool = True) -> Lost:
    return Lost("the line is dead", was_sent=was_sent)


def line(invocation_id: str, position: int = 0, **fields: Any) -> bytes:
    """Of a stream of results."""
    return _written(
        {
            "position": position,
            "index": position - 1,
            "invocation_id": invocation_id,
            "outcome": "SUCCEEDED",
            "output": "1",
            "error_message": None,
            "error_traceback": None,
            "execution_id": "exe-1",
            "attempts": 1,
            "of_a_later_release": True,
            **fields,
        }
    )


def _written(document: Any) -> bytes:
    return json.dumps(document).encode()
