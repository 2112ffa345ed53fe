"""Carries out plans in the thread that asks."""

from __future__ import annotations

from time import sleep
from typing import Any, Generator, Union

from control_plane.protocol.steps import (
    Emit,
    Finished,
    Lost,
    NextLine,
    Open,
    Plan,
    Send,
    Sleep,
    Step,
    Stream,
    T,
)
from control_plane.protocol.transports import OpenStream, Transport


def run(plan: Plan[T], transport: Transport) -> T:
    """What the plan returns; whatever it raises."""
    hands = _Hands(transport)
    try:
        while True:
            reached = _advance(plan, hands)
            if isinstance(reached, Finished):
                return reached.result
    finally:
        plan.close()
        hands.close()


def iterate(stream: Stream, transport: Transport) -> Generator[Any, None, None]:
    """What the stream emits. Closing the iterator closes its connection."""
    hands = _Hands(transport)
    try:
        while True:
            reached = _advance(stream, hands)
            if isinstance(reached, Finished):
                return
            yield reached.value
    finally:
        stream.close()
        hands.close()


def _advance(plan: Plan[T], hands: _Hands) -> Union[Emit, Finished[T]]:
    """To what the plan emits next, or to its end."""
    reply: Any = None
    lost: Lost | None = None
    while True:
        try:
            step = plan.send(reply) if lost is None else plan.throw(lost)
        except StopIteration as end:
            return Finished(end.value)
        if isinstance(step, Emit):
            return step
        reply = lost = None
        try:
            reply = hands.do(step)
        except Lost as error:
            lost = error


class _Hands:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._stream: OpenStream | None = None

    def do(self, step: Step) -> Any:
        if isinstance(step, Send):
            return self._transport.send(step.request)
        if isinstance(step, Open):
            self.close()
            self._stream = self._transport.open(step.request)
            return self._stream.answer
        if isinstance(step, NextLine):
            assert self._stream is not None
            return self._stream.next_line()
        if isinstance(step, Sleep):
            return sleep(step.seconds)
        return self.close()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
