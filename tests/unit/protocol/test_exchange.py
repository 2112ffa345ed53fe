"""One request: what is waited out, for how long, and what is never repeated."""

import pytest
from control_plane.errors import Refused, Unreachable
from control_plane.protocol import async_drivers, drivers
from control_plane.protocol.exchange import exchange
from control_plane.protocol.steps import Answer, Lost, Request
from control_plane.protocol.transports import AsyncOpenStream
from control_plane.protocol.waiting import Deadline

from tests.unit.protocol.scripts import PEER, Clock, ScriptedTransport, answered, lost

_GET = Request("GET", "/projects")
_AWAY = answered({"detail": "away"}, 503, retry_after="3")


@pytest.mark.parametrize("passing", [lost(), _AWAY, answered({}, 500), Answer(502, {}, b"<html>"), answered({}, 429)])
def test_what_passes_is_waited_out(clock: Clock, passing: Answer | Lost) -> None:
    transport = ScriptedTransport(passing, passing, answered({"projects": []}))
    reply = drivers.run(exchange(PEER, _GET), transport)
    assert reply.document == {"projects": []}
    assert reply.is_repeat
    assert len(transport.requests) == 3


def test_pauses_grow_and_differ(clock: Clock) -> None:
    with pytest.raises(Unreachable):
        drivers.run(exchange(PEER, _GET), ScriptedTransport(*[lost()] * 100))
    bounds = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
    for pause, bound in zip(clock.slept, bounds, strict=False):
        assert bound / 2 <= pause <= bound
    assert sum(clock.slept) == pytest.approx(30, abs=0.01)  # the last try is at the end of the patience, not before


def test_a_server_says_when_to_come_back(clock: Clock) -> None:
    drivers.run(exchange(PEER, _GET), ScriptedTransport(_AWAY, answered({})))
    assert clock.slept == [3.0]


def test_where_nobody_listens_patience_is_shorter(clock: Clock) -> None:
    with pytest.raises(Unreachable, match=r"^http://server \(of the test\) does not answer: the line is dead; is it"):
        drivers.run(exchange(PEER, _GET), ScriptedTransport(*[lost(was_sent=False)] * 100))
    assert sum(clock.slept) == pytest.approx(5, abs=0.01)


def test_what_may_have_arrived_is_not_repeated_if_that_does_harm(clock: Clock) -> None:
    transport = ScriptedTransport(lost(was_sent=False), _AWAY, lost(), answered({}))
    with pytest.raises(Unreachable, match="the request may have been carried out"):
        drivers.run(exchange(PEER, _GET, may_repeat=False), transport)
    assert len(transport.requests) == 3


def test_a_refusal_is_final_and_named(clock: Clock) -> None:
    transport = ScriptedTransport(lost(), answered({"detail": "A project with this name does not exist"}, 404))
    with pytest.raises(Refused) as refused:
        drivers.run(exchange(PEER, _GET), transport)
    assert (refused.value.status, refused.value.code) == (404, "ProjectDoesNotExist")
    assert refused.value.is_repeat


def test_the_first_problem_of_an_invalid_request(clock: Clock) -> None:
    problem = {"detail": [{"type": "value_error", "loc": ["body", "input"], "msg": "Value error, too long"}]}
    with pytest.raises(Refused, match=r"^input: too long$"):
        drivers.run(exchange(PEER, _GET), ScriptedTransport(answered(problem, 422)))


@pytest.mark.parametrize("foreign", [Answer(200, {}, b"<html>"), answered({"error": "no"}, 404), answered([], 400)])
def test_something_that_is_no_control_plane(clock: Clock, foreign: Answer) -> None:
    with pytest.raises(Unreachable, match="is no control plane; is the address right"):
        drivers.run(exchange(PEER, _GET), ScriptedTransport(foreign))
    assert clock.slept == []


def test_what_this_process_lacks_has_a_patience_and_an_error_of_its_own(clock: Clock) -> None:
    class Exhausted(Unreachable):
        pass

    lack = Lost("no descriptor", was_sent=False, patience_seconds=1.0, final=Exhausted("no descriptor left"))
    with pytest.raises(Exhausted):
        drivers.run(exchange(PEER, _GET), ScriptedTransport(*[lack] * 100))
    assert sum(clock.slept) == pytest.approx(1, abs=0.01)


def test_a_deadline_comes_before_the_end_of_patience(clock: Clock) -> None:
    with pytest.raises(TimeoutError):
        drivers.run(exchange(PEER, _GET, deadline=Deadline(2)), ScriptedTransport(*[lost()] * 100))
    assert sum(clock.slept) == pytest.approx(2, abs=0.01)


class _AsyncTransport:
    def __init__(self, transport: ScriptedTransport) -> None:
        self._transport = transport

    async def send(self, request: Request) -> Answer:
        return self._transport.send(request)

    async def open(self, request: Request) -> AsyncOpenStream:
        raise NotImplementedError


async def test_an_event_loop_carries_out_the_same(clock: Clock) -> None:
    transport = ScriptedTransport(lost(), answered({"projects": []}))
    reply = await async_drivers.run(exchange(PEER, _GET), _AsyncTransport(transport))
    assert reply.document == {"projects": []}


def test_a_key_that_is_refused_is_named_by_where_it_was_found(clock: Clock) -> None:
    peer = PEER._replace(forbidden="the server refuses the key of the test")
    with pytest.raises(Refused, match=r"^the server refuses the key of the test$") as refused:
        drivers.run(exchange(peer, _GET), ScriptedTransport(answered({"detail": "The API key is invalid"}, 403)))
    assert refused.value.code == "ApiKeyIsInvalid"
