"""What is too large for requests: which transfers are tried again."""

import pytest
from control_plane.errors import Refused, Unreachable
from control_plane.protocol import drivers
from control_plane.protocol.api import Api
from control_plane.protocol.blobs import upload, with_output
from control_plane.protocol.results import Result
from control_plane.protocol.sources import TextSource
from control_plane.protocol.steps import Answer
from control_plane.protocol.waiting import Deadline

from tests.unit.protocol.scripts import PEER, Clock, ScriptedTransport, answered, lost

_ANNOUNCED = answered({"blob_id": "blb-1", "upload_url": "/blobs/blb-1", "upload_headers": {}})


def _slow(clock: Clock, *script: object) -> ScriptedTransport:
    """Each request takes longer than patience lasts."""
    return ScriptedTransport(*script, then=lambda: clock.sleep(31.0))  # type: ignore[arg-type]


def test_an_upload_that_breaks_off_after_a_while_is_tried_again(clock: Clock) -> None:
    transport = _slow(clock, _ANNOUNCED, lost(), lost(), answered({}))
    assert drivers.run(upload(PEER, "/blobs", TextSource("1")), transport) == "blb-1"


def test_one_that_breaks_off_always_is_given_up(clock: Clock) -> None:
    transport = _slow(clock, _ANNOUNCED, *[lost()] * 10)
    with pytest.raises(Unreachable):
        drivers.run(upload(PEER, "/blobs", TextSource("1")), transport)
    assert len(transport.requests) == 1 + 5


def test_a_download_ends_at_its_deadline(clock: Clock) -> None:
    result = Result("inv-1", "SUCCEEDED", None, None, None, "exe-1", 1, output_blob="blb-1")
    redirect = Answer(307, {"location": "http://store/blb-1"})
    transport = _slow(clock, redirect, *[lost()] * 10)
    with pytest.raises(TimeoutError, match="has not come within 40 s"):
        drivers.run(with_output(PEER, result, Deadline(40.0)), transport)
    assert [request.silence_seconds for request in transport.requests] == [40.0, 9.0]


def test_a_control_plane_of_an_earlier_release_takes_no_large_input(clock: Clock) -> None:
    transport = ScriptedTransport(answered({"detail": "Not Found"}, 404))
    plan = Api(PEER).submit("/projects/p/versions/v/functions/f", "1" * 250_000)
    with pytest.raises(Refused, match="the input has 250,000 characters; this control plane takes 249,999 characters"):
        drivers.run(plan, transport)
