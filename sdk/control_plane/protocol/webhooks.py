"""Webhooks of a project: whom it tells that its invocations have ended, and what became of telling it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from control_plane.protocol.answers import Answer
from control_plane.protocol.paths import Query, escaped, project_path
from control_plane.protocol.steps import Plan

if TYPE_CHECKING:
    from control_plane.protocol.api import Api

# In place of a webhook's name: all that invocations bring along.
OF_INVOCATIONS = "invocations"


class Webhook(Answer):
    """`status`: ACTIVE; FAILING since `failing_since`; FAILED if that is three days ago."""

    webhook_name: str
    url: str
    events: List[str]
    status: str
    failing_since: int | None
    creation_time: int
    last_update_time: int


class SetWebhook(Answer):
    """`secret`: what deliveries are signed with, of a webhook that is new. It is told only here."""

    webhook_name: str
    url: str
    events: List[str]
    status: str
    secret: str | None


class SigningSecret(Answer):
    """`secret`: what deliveries are signed with from now on; for a day the one before signs beside it."""

    webhook_name: str
    secret: str


class Delivery(Answer):
    """`delivery_id`: what the receiver gets as `webhook-id`. `status`: PENDING, DELIVERED or GIVEN_UP. `last_status`:
    of HTTP. `last_error`: why the last attempt failed."""

    delivery_id: str
    webhook_name: str
    invocation_id: str
    event: str
    status: str
    attempts: int
    last_status: int | None
    last_error: str | None
    creation_time: int
    last_attempt_time: int | None
    next_attempt_time: int | None


def all_of(api: Api, project: str) -> Plan[List[Webhook]]:
    """All of a project, newest first. These all raise Refused and Unreachable."""
    found: List[Webhook] = []
    offset: str | None = None
    while True:
        query: Query = {"initial_offset": offset}
        page = yield from api.get(project_path(project) + "/webhooks", query)
        found += [api.understood(Webhook, each) for each in page["webhooks"]]
        if page["next_offset"] in (None, offset):
            return found
        offset = page["next_offset"]


def put(api: Api, project: str, name: str, url: str, events: Sequence[str] | None) -> Plan[SetWebhook]:
    """`events`: None: all."""
    body: Dict[str, Any] = {"url": url} if events is None else {"url": url, "events": list(events)}
    document = yield from api.put(_path(project, name), body)
    return api.understood(SetWebhook, document)


def delete(api: Api, project: str, name: str) -> Plan[Webhook]:
    document = yield from api.delete(_path(project, name))
    return api.understood(Webhook, document)


def rotate_secret(api: Api, project: str, name: str) -> Plan[SigningSecret]:
    """`name`: also OF_INVOCATIONS, of which it makes the first one, too."""
    document = yield from api.post(_path(project, name) + "/rotate-secret", {})
    return api.understood(SigningSecret, document)


def deliveries(
    api: Api, project: str, name: str, *, status: str | None = None, at_most: int | None = None
) -> Plan[List[Delivery]]:
    """Newest first. `name`: also OF_INVOCATIONS. `status`: None: all. `at_most`: None: all."""
    found: List[Delivery] = []
    offset: str | None = None
    while True:
        query: Query = {"status": status, "initial_offset": offset}
        page = yield from api.get(_path(project, name) + "/deliveries", query)
        found += [api.understood(Delivery, each) for each in page["deliveries"]]
        if page["next_offset"] in (None, offset) or (at_most is not None and len(found) >= at_most):
            return found[:at_most]
        offset = page["next_offset"]


def redeliver(api: Api, project: str, name: str, delivery_id: str) -> Plan[Delivery]:
    """Have it sent now, whatever became of it, under the same id."""
    path = "%s/deliveries/%s/redeliver" % (_path(project, name), escaped(delivery_id))
    document = yield from api.post(path, {})
    return api.understood(Delivery, document)


def _path(project: str, name: str) -> str:
    return "%s/webhooks/%s" % (project_path(project), escaped(name))
