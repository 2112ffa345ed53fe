"""One request and its answer, whatever has to be waited out in between."""

from __future__ import annotations

from json import loads
from typing import Any, Mapping, NamedTuple

from control_plane.errors import Refused, Unreachable
from control_plane.protocol.refusals import refusal
from control_plane.protocol.steps import Answer, Lost, Plan, Request, Send
from control_plane.protocol.waiting import NEVER, Deadline, Patience, Pauses

_NOTHING_WAS_DONE = frozenset({429, 503})
_NOT_IMPLEMENTED = 501
_FORBIDDEN = 403


class Peer(NamedTuple):
    """`name`: what messages call the server; `advice`: what to look at if it does not answer; `forbidden`: what to say
    instead of what it says itself if it does not take the key."""

    name: str
    advice: str
    patience: Patience
    forbidden: str | None = None


class Reply(NamedTuple):
    """`is_repeat`: an earlier try got no clear answer, and may have been carried out."""

    document: Any
    is_repeat: bool


def exchange(peer: Peer, request: Request, *, may_repeat: bool = True, deadline: Deadline = NEVER) -> Plan[Reply]:
    """`may_repeat`: whether it does no harm if it is carried out twice.

    Raises Refused, Unreachable, and TimeoutError at the deadline.
    """
    pauses = Pauses(deadline)
    is_repeat = False
    while True:
        try:
            answer = yield Send(request)
            refuse_what_passes(peer, answer)
            return Reply(document_of(peer, answer, is_repeat=is_repeat), is_repeat)
        except Lost as error:
            lost = error
        if lost.was_sent and not may_repeat:
            raise no_answer(peer, lost) from lost
        goes_on = yield from pauses.wait(_patience(peer.patience, lost), lost)
        if not goes_on:
            raise no_answer(peer, lost) from lost
        is_repeat = True


class TryLater(Lost):
    """It answers, and cannot serve anybody now."""


class Foreign(Lost):
    """Something answers that is no control plane."""


def refuse_what_passes(peer: Peer, answer: Answer) -> None:
    """Raises TryLater."""
    if answer.status != 429 and (answer.status < 500 or answer.status == _NOT_IMPLEMENTED):
        return
    try:
        said = ": %s" % refusal(answer.status, loads(answer.body)).detail
    except ValueError:  # a proxy's error page need not be JSON
        said = ""
    reason = "it answers %d%s" % (answer.status, said)
    raise TryLater(
        reason,
        was_sent=answer.status not in _NOTHING_WAS_DONE,
        pause_seconds=_retry_after(answer.headers),
        final=Unreachable("%s cannot be used: %s; try again later" % (peer.name, reason)),
    )


def document_of(peer: Peer, answer: Answer, *, is_repeat: bool = False) -> Any:
    """Raises Refused, Foreign."""
    try:
        document = loads(answer.body)
        if answer.status < 300:
            return document
        refused = refusal(answer.status, document, is_repeat=is_repeat)
    except ValueError as error:
        what = "%s answers %d and is no control plane; is the address right?" % (peer.name, answer.status)
        raise Foreign(what, was_sent=False, final=Unreachable(what)) from error
    if refused.status == _FORBIDDEN and peer.forbidden is not None:
        refused = Refused(status=refused.status, code=refused.code, detail=peer.forbidden)
    raise refused


def no_answer(peer: Peer, lost: Lost) -> Exception:
    """What to raise once patience is at its end."""
    if lost.final is not None:
        return lost.final
    done = "; the request may have been carried out" if lost.was_sent else ""
    return Unreachable("%s does not answer: %s%s; %s" % (peer.name, lost.reason, done, peer.advice))


def _patience(patience: Patience, lost: Lost) -> float:
    if isinstance(lost, Foreign):
        return patience.foreign
    return patience.unanswered if lost.was_sent or isinstance(lost, TryLater) else patience.unheard


def _retry_after(headers: Mapping[str, str]) -> float:
    """In seconds; dates are not understood."""
    text = headers.get("retry-after", "")
    return float(text) if text.isdigit() and text.isascii() else 0.0
