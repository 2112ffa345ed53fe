"""One call for each of many inputs: as few requests as hold them, and their results on one connection."""

from __future__ import annotations

from importlib import import_module
from json import dumps
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence

from control_plane.protocol.answers import BatchInfo
from control_plane.protocol.api import NO_OPTIONS, Api, Parent, SubmitFields
from control_plane.protocol.paths import batch_path
from control_plane.protocol.results import BatchReader, Result
from control_plane.protocol.states import SUCCEEDED
from control_plane.protocol.steps import Close, Emit, Plan, Stream

_MOST_INPUTS = 10_000  # of a batch; the API's bound
_MOST_BYTES = 8 * 1024 * 1024  # half of what the API takes


class Submitted(NamedTuple):
    """A batch, and the place of its first input among all. `inputs`: of one that an earlier attempt had submitted."""

    first: int
    batch: BatchInfo
    inputs: Sequence[str] = ()


# Submits those inputs of a batch once more which have not succeeded.
Again = Callable[[BatchInfo, Sequence[str]], Plan[BatchInfo]]


def submit_all(
    api: Api,
    function: str,
    inputs: Iterable[str],
    *,
    key_of: Callable[[Sequence[str]], str],
    resume_keys_of: Callable[[str], Sequence[str]] = lambda _: (),
    options: SubmitFields = NO_OPTIONS,
    parent: Parent | None = None,
    report: Callable[[BatchInfo], None] | None = None,
) -> Plan[List[Submitted]]:
    """`function`: its path. `inputs` are drawn as they are sent. `key_of`: the idempotency key of a batch of inputs;
    `resume_keys_of`: those that it had in earlier attempts.
    `report` is told of each batch once it is submitted.

    Raises Refused, Unreachable, and whatever drawing an input raises: what was sent before runs.
    """
    submitted: List[Submitted] = []
    first = 0
    for chunk in chunks(inputs):
        key = key_of(chunk)
        batch = yield from api.submit_batch(
            function,
            chunk,
            idempotency_key=key,
            resume_keys=resume_keys_of(key),
            options=options,
            parent=parent,
        )
        if report is not None:
            report(batch)
        submitted.append(Submitted(first, batch, chunk if batch.is_resumed else ()))
        first += len(chunk)
    return submitted


def results_of_all(
    api: Api, submitted: Sequence[Submitted], *, ordered: bool, is_whole: bool = False, again: Again | None = None
) -> Stream:
    """Emits a Result of each input, its `place` being that among all: batch by batch, in the order of the inputs or
    as they end.

    In order, those are kept that have ended before their turn. `is_whole`: with outputs that are too large for a line,
    each fetched in its turn. Of a batch that an earlier attempt had submitted, what has not succeeded is submitted
    `again` once all of it has ended, and only what comes of that is emitted. Raises Refused and Unreachable.
    """
    for one in submitted:
        first = one.first
        reader = _Reader(api, one, again)
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


class _Reader:
    """Results of a batch, and of what was submitted again of it; their places are those of the batch."""

    def __init__(self, api: Api, submitted: Submitted, again: Again | None) -> None:
        self._api = api
        self._again = again
        self._places: List[int] = []  # of inputs in the first batch; none yet: as they are
        self._begin(submitted.batch, submitted.inputs)

    def next(self) -> Plan[Result | None]:
        """None after the last one. Raises Refused and Unreachable."""
        while True:
            result = yield from self._results.next()
            if result is not None:
                if self._is_worth_it(result):
                    place = self._places[result.place] if self._places else result.place
                    return result._replace(place=place)
                self._missing.append(result.place)
            elif self._missing and self._again is not None:
                missing = sorted(self._missing)
                inputs = [self._inputs[place] for place in missing]
                batch = yield from self._again(self._batch, inputs)
                self._places = [self._places[place] for place in missing] if self._places else missing
                self._begin(batch, inputs)
            else:
                return None

    def _begin(self, batch: BatchInfo, inputs: Sequence[str]) -> None:
        self._batch = batch
        self._inputs = inputs
        self._missing: List[int] = []
        self._results = BatchReader(self._api.peer, batch_path(batch.document), size=batch.size)

    def _is_worth_it(self, result: Result) -> bool:
        return self._again is None or not self._batch.is_resumed or result.outcome == SUCCEEDED


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
