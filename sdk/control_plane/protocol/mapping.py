"""One call for each of many inputs: as few requests as hold them, and their results on one connection."""

from __future__ import annotations

from importlib import import_module
from json import dumps
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence

from control_plane.protocol.answers import BatchInfo
from control_plane.protocol.api import Api, Parent
from control_plane.protocol.paths import batch_path
from control_plane.protocol.results import BatchReader, Result
from control_plane.protocol.steps import Close, Emit, Plan, Stream

_MOST_INPUTS = 10_000  # of a batch; the API's bound
_MOST_BYTES = 8 * 1024 * 1024  # half of what the API takes


class Submitted(NamedTuple):
    """A batch, and the place of its first input among all."""

    first: int
    batch: BatchInfo


def submit_all(
    api: Api,
    function: str,
    inputs: Iterable[str],
    *,
    key_of: Callable[[Sequence[str]], str],
    queue_timeout: int | None = None,
    parent: Parent | None = None,
    report: Callable[[BatchInfo], None] | None = None,
) -> Plan[List[Submitted]]:
    """`function`: its path. `inputs` are drawn as they are sent. `key_of`: the idempotency key of a batch of inputs.
    `report` is told of each batch once it is submitted.

    Raises Refused, Unreachable, and whatever drawing an input raises: what was sent before runs.
    """
    submitted: List[Submitted] = []
    first = 0
    for chunk in chunks(inputs):
        batch = yield from api.submit_batch(
            function, chunk, idempotency_key=key_of(chunk), queue_timeout=queue_timeout, parent=parent
        )
        if report is not None:
            report(batch)
        submitted.append(Submitted(first, batch))
        first += len(chunk)
    return submitted


def results_of_all(api: Api, submitted: Sequence[Submitted], *, ordered: bool, is_whole: bool = False) -> Stream:
    """Emits a Result of each input, its `place` being that among all: batch by batch, in the order of the inputs or
    as they end.

    In order, those are kept that have ended before their turn; `is_whole`: with outputs that are
    too large for a line, each fetched in its turn. Raises Refused and Unreachable.
    """
    for first, batch in submitted:
        reader = BatchReader(api.peer, batch_path(batch.document), size=batch.size)
        early: Dict[int, Result] = {}
        turn = 0
        while True:
            result = yield from reader.next()
            if result is None:
                break
            early[result.place if ordered else turn] = result
            while turn in early:
                found = early.pop(turn)
                if is_whole and found.output_blob is not None:
                    found = yield from import_module("control_plane.protocol.blobs").with_output(api.peer, found)
                turn += 1
                yield Emit(found._replace(place=first + found.place))
    yield Close()


def chunks(inputs: Iterable[str]) -> Iterator[List[str]]:
    """What fits into a batch each."""
    chunk: List[str] = []
    size = 0
    for text in inputs:
        more = len(dumps(text)) + 2  # its separator
        if chunk and (len(chunk) == _MOST_INPUTS or size + more > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += more
    if chunk:
        yield chunk
