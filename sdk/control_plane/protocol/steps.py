"""What a plan asks of whoever carries it out: the protocol itself touches neither sockets nor clocks that sleep.

A plan is a generator that yields steps, is sent what came of each, and returns its result. A stream is one that also
yields what it finds, each in an `Emit`. `drivers` carries them out in a thread, `async_drivers` in an event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generator, Generic, Mapping, NamedTuple, TypeVar, Union

if TYPE_CHECKING:
    from control_plane.protocol.sources import Sink, Source

T = TypeVar("T")


class Request(NamedTuple):
    """`path`: below the server's address, with its query; or a whole URL of somebody else, who gets no key. `body`: a
    Source is sent in pieces, for which a header has the length. `silence_seconds`: how long nothing may come. `sink`:
    takes the body of an answer below 300, which has none then."""

    method: str
    path: str
    body: Union[bytes, Source, None] = None
    headers: Mapping[str, str] = {}
    silence_seconds: float = 60.0
    sink: Union[Sink, None] = None


def is_elsewhere(path: str) -> bool:
    """Whether a request's path is a whole URL."""
    return not path.startswith("/")


class Answer(NamedTuple):
    """`headers`: names in lower case. `body`: empty of a stream that has begun."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Send(NamedTuple):
    """Comes to an Answer, or raises Lost in the plan."""

    request: Request


class Open(NamedTuple):
    """Comes to an Answer, whole unless its status is below 300; then NextLine reads. Raises Lost.

    A plan has one stream at a time: opening closes the one before, and so does the end of the plan.
    """

    request: Request


class NextLine(NamedTuple):
    """Comes to a line of the stream without its end, or to None if the stream has ended. Raises Lost."""


class Close(NamedTuple):
    """The stream, if there is one."""


class Sleep(NamedTuple):
    seconds: float


class Emit(NamedTuple):
    """Something that a stream has found."""

    value: Any


class Finished(Generic[T]):
    """The end of a plan, as drivers tell it from what is emitted."""

    def __init__(self, result: T) -> None:
        self.result = result


class Lost(Exception):
    """No answer came, or not all of it.

    `was_sent`: the request may have been carried out. `pause_seconds`: how long the server wants to be left alone.
    `patience_seconds`: how long it is worth trying again, where that is known better than by the plan; `final`: what to
    raise after that.
    """

    def __init__(
        self,
        reason: str,
        *,
        was_sent: bool,
        pause_seconds: float = 0.0,
        patience_seconds: float | None = None,
        final: Exception | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.was_sent = was_sent
        self.pause_seconds = pause_seconds
        self.patience_seconds = patience_seconds
        self.final = final


Step = Union[Send, Open, NextLine, Close, Sleep, Emit]
Plan = Generator[Step, Any, T]
Stream = Generator[Step, Any, None]
