"""Inputs, outputs and files that are too large for requests and answers: uploaded and downloaded in pieces.

A URL that begins with a slash is the API's; any other one is the object store's, which gets no key.
"""

from __future__ import annotations

from json import dumps
from typing import Any, Mapping
from urllib.parse import urlsplit

from control_plane.errors import ControlPlaneError, Refused, Unreachable
from control_plane.protocol.exchange import Peer, document_of, exchange, no_answer, refuse_what_passes
from control_plane.protocol.paths import escaped
from control_plane.protocol.results import Result
from control_plane.protocol.sources import NOT_IN_TIME, MemorySink, Sink, Source
from control_plane.protocol.steps import Answer, Lost, Plan, Request, Send, is_elsewhere
from control_plane.protocol.waiting import NEVER, Deadline, Pauses

_JSON = {"Content-Type": "application/json"}
_REDIRECT = 307
_SILENCE_SECONDS = 60.0
_SHORTEST_SILENCE_SECONDS = 0.1
_MOST_TRIES = 3
_LONG_TRIES = 4  # of one transfer, whose time takes nothing of the patience
_CHECKSUM = "x-checksum-sha256"


class Damaged(Unreachable):
    """What comes is not what was stored."""


class Unreadable(ControlPlaneError):
    """What is stored is gone, or no text."""


def upload(peer: Peer, path: str, source: Source, **announcement: Any) -> Plan[str]:
    """The id of a blob with this content. `path`: where it is announced. Raises Refused, Unreachable."""
    body = dumps({"size": source.size, "sha256": source.sha256, **announcement}).encode()
    made: Mapping[str, Any] = (yield from exchange(peer, Request("POST", path, body, _JSON))).document
    url: str = made["upload_url"]
    headers = {**made["upload_headers"], "Content-Length": "%d" % source.size}
    request = Request("PUT", url, source, headers, silence_seconds=_SILENCE_SECONDS)
    yield from _transferred(_peer_of(peer, url), request)
    return str(made["blob_id"])


def download(peer: Peer, path: str, sink: Sink, deadline: Deadline = NEVER) -> Plan[None]:
    """What is at the path of a blob. Raises Refused, Unreachable, TimeoutError at the deadline, and what the sink
    raises."""
    for _ in range(_MOST_TRIES):
        request = Request("GET", path, sink=sink, silence_seconds=_SILENCE_SECONDS)
        answer = yield from _transferred(peer, request, deadline)
        checksum = answer.headers.get(_CHECKSUM)
        if answer.status == _REDIRECT:
            url = answer.headers["location"]
            yield from _transferred(_peer_of(peer, url), request._replace(path=url), deadline)
        if checksum is None or sink.sha256 == checksum:
            return
    raise Damaged("%s gives something else than what was stored" % peer.name)


def with_output(peer: Peer, result: Result, deadline: Deadline = NEVER) -> Plan[Result]:
    """The result with its output, however large it is, or with why that cannot be had. Raises Unreachable, and
    TimeoutError at the deadline."""
    if result.output_blob is None:
        return result
    try:
        output = yield from text_of(peer, result.output_blob, "output of %s" % result.invocation_id, deadline)
    except Unreadable as error:
        return result._replace(output_error=error)
    return result._replace(output=output, output_blob=None, output_error=None)


def text_of(peer: Peer, blob_id: str, what: str, deadline: Deadline = NEVER) -> Plan[str]:
    """`what`: it is. Raises Unreadable, Unreachable, and TimeoutError at the deadline."""
    sink = MemorySink(deadline)
    try:
        yield from download(peer, blob_path(blob_id), sink, deadline)
        return sink.text()
    except (Refused, Damaged) as error:
        reason = "%s" % error
    except UnicodeDecodeError:
        reason = "it is no UTF-8 text"
    raise Unreadable("The %s, %s, cannot be read: %s" % (what, blob_id, reason))


def blob_path(blob_id: str) -> str:
    return "/blobs/" + escaped(blob_id)


def _peer_of(peer: Peer, url: str) -> Peer:
    if not is_elsewhere(url):
        return peer
    host = urlsplit(url).hostname
    return Peer("The object store", "can %s be reached from here?" % host, peer.patience)


def _transferred(peer: Peer, request: Request, deadline: Deadline = NEVER) -> Plan[Answer]:
    """Whatever passes is waited out, and the whole is sent again: patience begins when a transfer breaks off, not with
    its first byte, a few times. Raises Refused, Unreachable, and TimeoutError at the deadline."""
    pauses = Pauses(deadline)
    tries = 0
    while True:
        tries += 1
        deadline.check(NOT_IN_TIME)
        pauses.begin_try()
        silence = max(_SHORTEST_SILENCE_SECONDS, deadline.remaining(request.silence_seconds))
        try:
            answer: Answer = yield from _sent(peer, request._replace(silence_seconds=silence))
            if answer.status < 300 or answer.status == _REDIRECT:
                return answer
            if is_elsewhere(request.path):
                raise _refused_by_store(answer)
            document_of(peer, answer)
            return answer
        except Lost as error:
            lost = error
        deadline.check(NOT_IN_TIME)
        if lost.was_sent and tries <= _LONG_TRIES:
            pauses.forgive_try()
        goes_on = yield from pauses.wait(peer.patience.unanswered if lost.was_sent else peer.patience.unheard, lost)
        if not goes_on:
            raise no_answer(peer, lost) from lost


def _sent(peer: Peer, request: Request) -> Plan[Answer]:
    """Raises Lost."""
    answer: Answer = yield Send(request)
    refuse_what_passes(peer, answer)
    if answer.status == 408 or (answer.status == 400 and b"RequestTimeout" in answer.body):
        raise Lost("it was too slow", was_sent=True)
    return answer


def _refused_by_store(answer: Answer) -> Refused:
    """With the error code of S3, which answers in XML."""
    code = answer.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode(errors="replace")
    return Refused(answer.status, "", "the object store answers %d%s" % (answer.status, code and " (%s)" % code))
