"""What receivers get, and that the reference verifier of the standard takes it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from control_plane_server.domain.entities import InvocationOutcome
from control_plane_server.domain.identifiers import FunctionName, InvocationId, ProjectName, VersionId
from control_plane_server.domain.told_ends import EVENT_OF, EndedInvocation
from control_plane_server.domain.webhooks import DeliveryId, WebhookEvent
from control_plane_server.webhooks.messages import body_of, new_signing_secret, signed_headers

ENDED = EndedInvocation(
    project_name=ProjectName("images"),
    version_id=VersionId("ver-1"),
    function_name=FunctionName("größer"),
    invocation_id=InvocationId("inv-1"),
    batch_id=None,
    schedule_name="nightly",
    replayed_from=None,
    parent_invocation_id=None,
    outcome=InvocationOutcome.FAILED,
    error_message='ValueError: "ü"',
    attempts=3,
    tags={"team": "a", "order": "7"},
    creation_time=datetime(2026, 11, 29, 10, tzinfo=UTC),
    end_time=datetime(2026, 11, 29, 10, 0, 7, 250_000, tzinfo=UTC),
)


def test_a_message_says_how_it_ended_and_no_more() -> None:
    body = body_of(WebhookEvent.FAILED, ENDED)
    assert body == body_of(WebhookEvent.FAILED, ENDED)
    assert json.loads(body) == {
        "type": "invocation.failed",
        "timestamp": "2026-11-29T10:00:07.250+00:00",
        "data": {
            "project_name": "images",
            "version_id": "ver-1",
            "function_name": "größer",
            "invocation_id": "inv-1",
            "parent_invocation_id": None,
            "batch_id": None,
            "schedule_name": "nightly",
            "replayed_from": None,
            "outcome": "FAILED",
            "error_message": 'ValueError: "ü"',
            "attempts": 3,
            "tags": {"order": "7", "team": "a"},
            "creation_time": 1_795_946_400,
            "end_time": 1_795_946_407,
        },
    }


def test_every_outcome_has_its_event() -> None:
    assert EVENT_OF.keys() == set(InvocationOutcome)
    assert EVENT_OF[InvocationOutcome.ABORTED] is WebhookEvent.FAILED


def test_either_secret_verifies_while_one_takes_the_place_of_the_other() -> None:
    new, old, another = (new_signing_secret() for _ in range(3))
    assert new.startswith("whsec_")
    body = body_of(WebhookEvent.FAILED, ENDED)
    headers = signed_headers(DeliveryId("whd-1"), body, signing_secrets=(new, old), now=datetime.now(UTC))
    assert headers["webhook-id"] == "whd-1"
    for secret in (new, old):
        assert Webhook(secret).verify(body, headers)["type"] == "invocation.failed"
    with pytest.raises(WebhookVerificationError):
        Webhook(another).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body.replace("FAILED", "SUCCEEDED"), headers)


def test_what_was_kept_by_somebody_is_refused_later() -> None:
    secret, earlier = new_signing_secret(), datetime.now(UTC) - timedelta(minutes=6)
    headers = signed_headers(DeliveryId("whd-1"), "{}", signing_secrets=(secret,), now=earlier)
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify("{}", headers)
