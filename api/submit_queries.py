"""The options of a submit in a query, where the body is nothing but inputs."""

from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError

from api.schemas.bounded import ConcurrencyKey, DelaySeconds, MaxConcurrency, Priority, Text, TimeoutSeconds
from control_plane_server.domain.webhooks import WebhookEvent


def _options(
    *,
    queue_timeout_seconds: TimeoutSeconds | None = None,
    tag: Annotated[list[Text], Query(description="`key:value`; may be repeated")] = [],  # noqa: B006
    delay_seconds: DelaySeconds | None = None,
    priority: Priority | None = None,
    concurrency_key: ConcurrencyKey | None = None,
    concurrency_limit: MaxConcurrency | None = None,
    webhook_url: str | None = None,
    webhook_event: Annotated[list[WebhookEvent], Query(description="May be repeated; none: all")] = [],  # noqa: B006
) -> dict[str, Any]:
    given = {
        "queue_timeout_seconds": queue_timeout_seconds,
        "tags": _tags(tag) or None,
        "delay_seconds": delay_seconds,
        "priority": priority,
        "concurrency_key": concurrency_key,
        "concurrency_limit": concurrency_limit,
        "webhook": _webhook(webhook_url, webhook_event),
    }
    return {name: value for name, value in given.items() if value is not None}


# Those fields of a `SubmitOptions` that are given.
OptionsOfQuery = Annotated[dict[str, Any], Depends(_options)]


def _webhook(url: str | None, events: list[WebhookEvent]) -> dict[str, Any] | None:
    if url is None:
        return None
    return {"url": url, "events": events} if events else {"url": url}


def _tags(pairs: list[str]) -> dict[str, str]:
    tags = {}
    for pair in pairs:
        key, colon, value = pair.partition(":")
        if not colon:
            problem = {"type": "value_error", "loc": ("query", "tag"), "msg": "tag must be key:value", "input": pair}
            raise RequestValidationError([problem])
        tags[key] = value
    return tags
