"""An invocation's events as they happen, across every break of the connection."""

from __future__ import annotations

from json import loads
from typing import Any, Dict, List, NamedTuple

from control_plane.protocol.exchange import Peer
from control_plane.protocol.lines import Lines, Report, ignore
from control_plane.protocol.paths import with_query
from control_plane.protocol.steps import Close, Emit, Request, Stream
from control_plane.protocol.waiting import NEVER, Deadline

_SILENCE_SECONDS = 45.0  # keep-alive comments come every 15


class Event(NamedTuple):
    """`name`: state, progress, log or end. `cursor`: where a reader goes on after it."""

    name: str
    cursor: str
    data: Dict[str, Any]

    def document(self) -> Dict[str, Any]:
        return {"event": self.name, "id": self.cursor, "data": self.data}


def events(
    peer: Peer,
    path: str,
    *,
    with_logs: bool,
    deadline: Deadline = NEVER,
    report: Report = ignore,
) -> Stream:
    """Emits the Events of the invocation at the path, up to `end`, each once. `report`: as of Lines.

    Raises Refused, Unreachable, and TimeoutError at the deadline.
    """
    message = _Message()

    def rest() -> Request:
        message.forget_fields()
        headers = {"Accept": "text/event-stream"}
        if message.cursor:
            headers["Last-Event-ID"] = message.cursor
        target = with_query(path + "/events", {"logs": "true" if with_logs else "false"})
        return Request("GET", target, None, headers, silence_seconds=_SILENCE_SECONDS)

    lines = Lines(peer, rest, deadline=deadline, report=report)
    last = ""
    while last != "end":
        line = yield from lines.next()
        if message.take(line.decode("utf-8", "replace")):
            last = message.name
            yield Emit(Event(message.name, message.cursor, loads("\n".join(message.data))))
            message.forget_fields()
    yield Close()


class _Message:
    """One after the other, line by line, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them.

    `cursor` is of the last that was whole.
    """

    def __init__(self) -> None:
        self.cursor = ""
        self.forget_fields()

    def forget_fields(self) -> None:
        self.name = ""
        self.data: List[str] = []
        self._id = self.cursor

    def take(self, line: str) -> bool:
        """Whether that was the end of one that has data."""
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "data":
            self.data.append(value)
        elif field == "event":
            self.name = value
        elif field == "id":
            self._id = value
        if line or not self.data:
            return False
        self.cursor = self._id
        return True
