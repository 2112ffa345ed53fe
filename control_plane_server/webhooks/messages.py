"""What receivers get: the body, and the headers of Standard Webhooks that sign it (standardwebhooks.com)."""

import base64
import json
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook

from control_plane_server.domain.told_ends import EndedInvocation
from control_plane_server.domain.webhooks import DeliveryId, WebhookEvent

_SECRET_BYTES = 32  # the standard wants 24 to 64
_PREFIX = "whsec_"


def new_signing_secret() -> str:
    """As receivers are given it: `whsec_` and 32 bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def body_of(event: WebhookEvent, invocation: EndedInvocation) -> str:
    """JSON, the same at each attempt. Without input and output, which are asked for by the id."""
    return json.dumps(
        {
            "type": event.value,
            "timestamp": invocation.end_time.isoformat(timespec="milliseconds"),
            "data": {
                "project_name": invocation.project_name,
                "version_id": invocation.version_id,
                "function_name": invocation.function_name,
                "invocation_id": invocation.invocation_id,
                "parent_invocation_id": invocation.parent_invocation_id,
                "batch_id": invocation.batch_id,
                "schedule_name": invocation.schedule_name,
                "replayed_from": invocation.replayed_from,
                "outcome": invocation.outcome.value,
                "error_message": invocation.error_message,
                "attempts": invocation.attempts,
                "tags": dict(sorted(invocation.tags.items())),
                "creation_time": int(invocation.creation_time.timestamp()),
                "end_time": int(invocation.end_time.timestamp()),
            },
        },
        ensure_ascii=False,
    )


def signed_headers(
    delivery_id: DeliveryId, body: str, *, signing_secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """`signing_secrets`: while one takes the place of another both sign. `now`: with time zone; receivers take what is
    five minutes old at most."""
    signatures = [Webhook(secret).sign(delivery_id, now, body) for secret in signing_secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "control-plane-webhooks",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
