"""Many inputs: how they are cut into batches, and in which order their results are given."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from control_plane.client.outcomes import outcome, value
from control_plane.container.children import outcome_of, value_of
from control_plane.errors import ControlPlaneError
from control_plane.protocol import drivers
from control_plane.protocol.api import Api
from control_plane.protocol.line_buffers import LineBuffer
from control_plane.protocol.mapping import chunks, results_of_all, submit_all
from control_plane.protocol.steps import Answer, Request

from tests.unit.protocol.scripts import PEER, Clock, ScriptedTransport, answered, line, lost


def _batch(batch_id: str, size: int) -> Answer:
    return answered(
        {
            "project_name": "p",
            "version_id": "ver-1",
            "function_name": "f",
            "batch_id": batch_id,
            "size": size,
            "status": "RUNNING",
            "creation_time": 1,
            "cancellation_request_time": None,
            "counts": {},
        }
    )


def test_a_batch_holds_so_many_inputs() -> None:
    assert [len(chunk) for chunk in chunks("1" for _ in range(20_001))] == [10_000, 10_000, 1]
    assert list(chunks([])) == []


def test_a_batch_holds_so_many_bytes_as_they_are_sent() -> None:
    inputs = ["é" * 249_999] * 14  # each of six bytes in JSON
    sizes = [len(json.dumps({"inputs": chunk})) for chunk in chunks(inputs)]
    assert len(sizes) == 3
    assert all(size <= 8 * 1024 * 1024 + 20 for size in sizes)
    assert [len(chunk) for chunk in chunks(inputs)] == [5, 5, 4]


def test_all_are_submitted_with_a_key_each(clock: Clock) -> None:
    keys: list[Sequence[str]] = []

    def key_of(inputs: Sequence[str]) -> str:
        keys.append(inputs)
        return f"key-{len(keys)}"

    transport = ScriptedTransport(lost(), _batch("bat-1", 10_000), _batch("bat-2", 1))
    plan = submit_all(Api(PEER), "/f", (str(number) for number in range(10_001)), key_of=key_of)
    submitted = drivers.run(plan, transport)
    assert [(each.first, each.batch.batch_id) for each in submitted] == [(0, "bat-1"), (10_000, "bat-2")]
    sent = [request.headers["Idempotency-Key"] for request in transport.requests]
    assert sent == ["key-1", "key-1", "key-2"]  # the one whose answer was lost is the same batch


@pytest.mark.parametrize(("ordered", "places"), [(True, [0, 1, 2, 3, 4]), (False, [1, 2, 0, 4, 3])])
def test_the_order_of_results(clock: Clock, ordered: bool, places: list[int]) -> None:
    transport = ScriptedTransport(
        _batch("bat-1", 3),
        _batch("bat-2", 2),
        [line("inv-b", 1, index=1), line("inv-c", 2, index=2), lost()],
        [line("inv-a", 3, index=0)],
        [line("inv-e", 1, index=1), line("inv-d", 2, index=0)],
    )
    api = Api(PEER)
    inputs = ["é" * 249_999] * 5
    submitted = drivers.run(submit_all(api, "/f", [*inputs[:3]], key_of=lambda _: "1"), transport)
    more = drivers.run(submit_all(api, "/f", [*inputs[3:]], key_of=lambda _: "2"), transport)
    both = [*submitted, *(each._replace(first=3) for each in more)]
    found: list[Any] = list(drivers.iterate(results_of_all(api, both, ordered=ordered), transport))
    assert [result.place for result in found] == places


class _Stored(ScriptedTransport):
    """Gives the content of blobs too; of one that is None, that there is none."""

    def __init__(self, contents: list[bytes | None], *script: Any) -> None:
        super().__init__(*script)
        self._contents = iter(contents)

    def send(self, request: Request) -> Answer:
        if request.sink is None:
            return super().send(request)
        content = next(self._contents)
        if content is None:
            return answered({"detail": "A blob with this ID does not exist here"}, 404)
        request.sink.begin()
        request.sink.write(content)
        request.sink.close()
        return Answer(200, {})


def test_an_output_that_cannot_be_read_spoils_no_other(clock: Clock) -> None:
    lines = [line(f"inv-{number}", number, output=None, output_blob=f"blb-{number}") for number in (1, 2, 3)]
    transport = _Stored([None, b"\xff", b"3"], _batch("bat-1", 3), lines)
    api = Api(PEER)
    submitted = drivers.run(submit_all(api, "/f", ["1"] * 3, key_of=lambda _: "1"), transport)
    found = list(drivers.iterate(results_of_all(api, submitted, ordered=True, is_whole=True), transport))
    outcomes = [outcome(result, is_command=False) for result in found]
    assert [str(each) for each in outcomes] == [
        "The output of inv-1, blb-1, cannot be read: A blob with this ID does not exist here",
        "The output of inv-2, blb-2, cannot be read: it is no UTF-8 text",
        "3",
    ]
    assert [outcome_of(result, is_text=False) for result in found] == outcomes
    with pytest.raises(ControlPlaneError, match="cannot be read"):
        value(found[0], is_command=False)
    with pytest.raises(ControlPlaneError, match="cannot be read"):
        value_of(found[0], is_text=False)


def test_lines_end_at_line_feeds_alone() -> None:
    lines = LineBuffer()
    found = []
    for piece in (b"a", b"b\nc\xe2\x80\xa8", b"\x0bd\r\n\n", b"half"):
        lines.take(piece)
        while (one := lines.next()) is not None:
            found.append(one)
    assert found == [b"ab", b"c\xe2\x80\xa8\x0bd", b""]
