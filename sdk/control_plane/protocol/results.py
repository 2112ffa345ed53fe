"""Results of many invocations over one connection, each once, whatever becomes of the connection."""

from __future__ import annotations

from itertools import islice
from json import dumps, loads
from typing import Any, Dict, Iterable, NamedTuple

from control_plane.errors import ControlPlaneError
from control_plane.protocol.exchange import Peer
from control_plane.protocol.lines import Lines, Report, ignore
from control_plane.protocol.paths import with_query
from control_plane.protocol.states import SUCCEEDED, Document, error_of, output_of, status_of
from control_plane.protocol.steps import Close, Emit, Plan, Request, Stream
from control_plane.protocol.waiting import NEVER, Deadline

MOST_IDS = 10_000  # in one request; the API's bound
_SILENCE_SECONDS = 20.0  # an empty line comes every 5
_JSON = {"Content-Type": "application/json", "Accept": "application/x-ndjson"}


class Result(NamedTuple):
    """How an invocation ended. `outcome` is None of one that does not exist. `place`: in its batch, or in what was
    asked for (`index` on the wire); `position`: how many had ended with it. `output_blob`: of an output that is too
    large for a line; then `output` is None. `output_error`: why that one cannot be had, once it was asked for."""

    invocation_id: str
    outcome: str | None
    output: str | None
    error_message: str | None
    error_traceback: str | None
    execution_id: str | None
    attempts: int
    place: int = 0
    position: int = 0
    output_blob: str | None = None
    output_error: ControlPlaneError | None = None

    @classmethod
    def of_line(cls, line: bytes) -> Result:
        """What it has beside what we know is left out."""
        fields: Dict[str, Any] = loads(line)
        fields["place"] = fields.pop("index", 0)
        return cls(**{name: value for name, value in fields.items() if name in cls._fields})

    @classmethod
    def of_document(cls, document: Document) -> Result:
        """Of an invocation that has ended, as the API gives it."""
        executions = document["executions"]
        succeeded = [execution for execution in executions if execution["outcome"] == SUCCEEDED]
        shown: Document = (succeeded or executions or [{}])[-1]
        return cls(
            invocation_id=document["invocation_id"],
            outcome=status_of(document),
            output=output_of(document),
            error_message=None if succeeded else error_of(document),
            error_traceback=None if succeeded else shown.get("error_traceback"),
            execution_id=shown.get("execution_id"),
            attempts=len(executions),
            output_blob=shown.get("output_blob") if succeeded else None,
        )


def results_of(peer: Peer, invocation_ids: Iterable[str], *, deadline: Deadline = NEVER) -> Stream:
    """Emits a Result of each, as they end; of more than 10,000 those that came first.

    Raises Refused, Unreachable, and TimeoutError at the deadline.
    """
    waiting = dict.fromkeys(invocation_ids)

    def rest() -> Request:
        asked = list(islice(waiting, MOST_IDS))
        body = dumps({"invocation_ids": asked}).encode()
        return Request("POST", "/invocations/results", body, _JSON, silence_seconds=_SILENCE_SECONDS)

    while waiting:
        left = min(len(waiting), MOST_IDS)
        lines = Lines(peer, rest, deadline=deadline)
        while left:
            line = yield from lines.next()
            if not line.strip():
                continue
            result = Result.of_line(line)
            if result.invocation_id in waiting:
                del waiting[result.invocation_id]
                left -= 1
                yield Emit(result)
    yield Close()


class BatchReader:
    """Results of the batch at the path, in order of completion, behind position `after`."""

    def __init__(
        self,
        peer: Peer,
        path: str,
        *,
        size: int,
        after: int = 0,
        deadline: Deadline = NEVER,
        report: Report = ignore,
    ) -> None:
        self._path = path
        self._size = size
        self._after = after
        self._lines = Lines(peer, self._rest, deadline=deadline, report=report)

    def next(self) -> Plan[Result | None]:
        """None after the last one. Raises Refused, Unreachable, and TimeoutError at the deadline."""
        while self._after < self._size:
            line = yield from self._lines.next()
            if not line.strip():
                continue
            result = Result.of_line(line)
            if result.position > self._after:
                self._after = result.position
                return result
        return None

    def _rest(self) -> Request:
        target = with_query(self._path + "/results", {"after": self._after})
        return Request("GET", target, None, {"Accept": "application/x-ndjson"}, silence_seconds=_SILENCE_SECONDS)


def batch_results(peer: Peer, path: str, *, size: int, after: int = 0, report: Report = ignore) -> Stream:
    """Emits what a BatchReader reads."""
    reader = BatchReader(peer, path, size=size, after=after, report=report)
    while True:
        result = yield from reader.next()
        if result is None:
            break
        yield Emit(result)
    yield Close()
