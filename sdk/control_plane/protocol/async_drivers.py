"""Carries out plans in the event loop that asks."""

from __future__ import annotations

from asyncio import sleep
from typing import Any, AsyncGenerator, Union

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
from control_plane.protocol.transports import AsyncOpenStream, AsyncTransport


async def run(plan: Plan[T], transport: AsyncTransport) -> T:
    """What the plan returns; whatever it raises."""
    hands = _Hands(transport)
    try:
        while True:
            reached = await _advance(plan, hands)
            if isinstance(reached, Finished):
                return reached.result
    finally:
        plan.close()
        await hands.close()


async def iterate(stream: Stream, transport: AsyncTransport) -> AsyncGenerator[Any, None]:
    """What the stream emits. Closing the iterator closes its connection."""
    hands = _Hands(transport)
    try:
        while True:
            reached = await _advance(stream, hands)
            if isinstance(reached, Finished):
                return
            yield reached.value
    finally:
        stream.close()
        await hands.close()


async def _advance(plan: Plan[T], hands: _Hands) -> Union[Emit, Finished[T]]:
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
            reply = await hands.do(step)
        except Lost as error:
            lost = error


class _Hands:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self._stream: AsyncOpenStream | None = None

    async def do(self, step: Step) -> Any:
        if isinstance(step, Send):
            return await self._transport.send(step.request)
        if isinstance(step, Open):
            await self.close()
            self._stream = await self._transport.open(step.request)
            return self._stream.answer
        if isinstance(step, NextLine):
            assert self._stream is not None
            return await self._stream.next_line()
        if isinstance(step, Sleep):
            return await sleep(step.seconds)
        return await self.close()

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.close()
            self._stream = None
