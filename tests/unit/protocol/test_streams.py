"""Results and events: each once, whatever becomes of the connection."""

import json
from contextlib import closing
from itertools import islice

import pytest
from control_plane.errors import Refused, Unreachable
from control_plane.protocol import drivers
from control_plane.protocol.events import Event, events
from control_plane.protocol.results import Result, batch_results, results_of
from control_plane.protocol.waiting import Deadline

from tests.unit.protocol.scripts import PEER, Clock, ScriptedTransport, answered, line, lost


def _ids(results: list[Result]) -> list[str]:
    return [result.invocation_id for result in results]


def test_a_batch_goes_on_behind_what_has_come(clock: Clock) -> None:
    transport = ScriptedTransport(
        [b"", line("inv-a", 1), line("inv-b", 2), lost()],
        answered({"detail": "away"}, 503),
        [line("inv-b", 2), line("inv-c", 3)],
    )
    found = list(drivers.iterate(batch_results(PEER, "/batches/b", size=3), transport))
    assert _ids(found) == ["inv-a", "inv-b", "inv-c"]
    assert found[1].place == 1
    assert [request.path for request in transport.requests] == [
        "/batches/b/results?after=0",
        "/batches/b/results?after=2",
        "/batches/b/results?after=2",
    ]
    assert all(stream.is_closed for stream in transport.streams)


def test_a_batch_is_read_from_where_somebody_stopped(clock: Clock) -> None:
    transport = ScriptedTransport([line("inv-c", 3)])
    assert _ids(list(drivers.iterate(batch_results(PEER, "/b", size=3, after=2), transport))) == ["inv-c"]
    assert transport.requests[0].path == "/b/results?after=2"


def test_of_many_only_those_that_are_missing_are_asked_for_again(clock: Clock) -> None:
    transport = ScriptedTransport([line("inv-b"), None], [line("inv-a"), line("inv-c", outcome="FAILED")])
    found = list(drivers.iterate(results_of(PEER, ["inv-a", "inv-b", "inv-a", "inv-c"]), transport))
    assert _ids(found) == ["inv-b", "inv-a", "inv-c"]
    bodies = [request.body for request in transport.requests if isinstance(request.body, bytes)]
    asked = [json.loads(body)["invocation_ids"] for body in bodies]
    assert asked == [["inv-a", "inv-b", "inv-c"], ["inv-a", "inv-c"]]


def test_more_than_one_request_may_name(clock: Clock) -> None:
    ids = [f"inv-{number}" for number in range(10_001)]
    transport = ScriptedTransport([line(one) for one in ids[:10_000]], [line(ids[-1])])
    assert _ids(list(drivers.iterate(results_of(PEER, ids), transport))) == ids


def test_whoever_stops_reading_closes_the_connection(clock: Clock) -> None:
    transport = ScriptedTransport([line("inv-a"), line("inv-b")])
    with closing(drivers.iterate(results_of(PEER, ["inv-a", "inv-b"]), transport)) as found:
        assert _ids(list(islice(found, 1))) == ["inv-a"]
    assert transport.streams[0].is_closed


def test_silence_ends_at_the_deadline(clock: Clock) -> None:
    transport = ScriptedTransport([b"", b"", lost()], *[lost()] * 100)
    stream = results_of(PEER, ["inv-a"], deadline=Deadline(3.0))
    clock.now += 1
    with pytest.raises(TimeoutError):
        next(drivers.iterate(stream, transport))
    assert all(request.silence_seconds <= 2 for request in transport.requests)


def test_a_refusal_of_a_stream(clock: Clock) -> None:
    transport = ScriptedTransport(answered({"detail": "The API key is invalid"}, 403))
    with pytest.raises(Refused, match="key is invalid"):
        list(drivers.iterate(results_of(PEER, ["inv-a"]), transport))


def test_a_stream_that_stays_away(clock: Clock) -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        list(drivers.iterate(results_of(PEER, ["inv-a"]), ScriptedTransport(*[lost()] * 1_000)))
    assert sum(clock.slept) == pytest.approx(600, abs=1)


def test_events_go_on_behind_the_last_that_was_whole(clock: Clock) -> None:
    reports: list[str | None] = []
    transport = ScriptedTransport(
        [
            b"retry: 1000",
            b"",
            b"event: state",
            b'data: {"a":',
            b"data: 1}",
            b"id: 1",
            b"",
            b": alive",
            b"",
            b"id: 2",
            lost(),
        ],
        [b"event: end", b"id: 2", b"data: {}", b""],
    )
    found = list(drivers.iterate(events(PEER, "/i", with_logs=False, report=reports.append), transport))
    assert found == [Event("state", "1", {"a": 1}), Event("end", "2", {})]
    assert [request.headers.get("Last-Event-ID") for request in transport.requests] == [None, "1"]
    assert reports == ["the line is dead", None]
    assert transport.requests[0].path == "/i/events?logs=false"
