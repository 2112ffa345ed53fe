"""What a submit asks for beside its input, in the columns of its invocation."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, Interval, Row, Text, bindparam, func
from sqlalchemy.dialects.postgresql import JSONB

from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.domain.submit_options import SubmitOptions
from control_plane_server.domain.webhooks import InvocationWebhook, WebhookEvent

_QUEUE_TIMEOUT = bindparam("new_queue_timeout", type_=Integer)
_TAGS = bindparam("new_tags", type_=JSONB(none_as_null=True))
_DELAY = bindparam("new_delay", type_=Interval)
_PRIORITY = bindparam("new_priority", type_=Integer)
_KEY = bindparam("new_concurrency_key", type_=Text)
_LIMIT = bindparam("new_concurrency_limit", type_=Integer)
_WEBHOOK_URL = bindparam("new_webhook_url", type_=Text)
_WEBHOOK_EVENTS = bindparam("new_webhook_events", type_=ARRAY(Text))

# The columns of a new InvocationRow, by the parameters that `option_parameters` has.
NEW_OPTIONS: dict[str, ColumnElement[Any]] = {
    "queue_timeout_seconds": _QUEUE_TIMEOUT,
    "tags": _TAGS,
    "not_before": func.statement_timestamp() + _DELAY,
    "priority": _PRIORITY,
    "concurrency_key": _KEY,
    "concurrency_limit": _LIMIT,
    "webhook_url": _WEBHOOK_URL,
    "webhook_events": _WEBHOOK_EVENTS,
}
# What `to_options` reads.
OPTIONS = (
    InvocationRow.queue_timeout_seconds.label("option_queue_timeout_seconds"),
    InvocationRow.tags.label("option_tags"),
    InvocationRow.not_before.label("option_not_before"),
    InvocationRow.creation_time.label("option_creation_time"),
    InvocationRow.priority.label("option_priority"),
    InvocationRow.concurrency_key.label("option_concurrency_key"),
    InvocationRow.concurrency_limit.label("option_concurrency_limit"),
    InvocationRow.webhook_url.label("option_webhook_url"),
    InvocationRow.webhook_events.label("option_webhook_events"),
)


def option_parameters(options: SubmitOptions) -> dict[str, object]:
    return {
        _QUEUE_TIMEOUT.key: options.queue_timeout_seconds,
        _TAGS.key: dict(options.tags) or None,
        _DELAY.key: options.delay or None,
        _PRIORITY.key: options.priority,
        _KEY.key: options.concurrency_key,
        _LIMIT.key: options.concurrency_limit,
        _WEBHOOK_URL.key: None if options.webhook is None else options.webhook.url,
        _WEBHOOK_EVENTS.key: None if options.webhook is None else list(options.webhook.events),
    }


def to_options(row: Row[*tuple[Any, ...]]) -> SubmitOptions:
    """Of a row that has OPTIONS."""
    delay = timedelta()
    if row.option_not_before is not None:
        delay = row.option_not_before - row.option_creation_time
    webhook = None
    if row.option_webhook_url is not None:
        events = tuple(map(WebhookEvent, row.option_webhook_events))
        webhook = InvocationWebhook(url=row.option_webhook_url, events=events)
    return SubmitOptions(
        queue_timeout_seconds=row.option_queue_timeout_seconds,
        tags=row.option_tags or {},
        delay_seconds=round(delay.total_seconds()),
        priority=row.option_priority,
        concurrency_key=row.option_concurrency_key,
        concurrency_limit=row.option_concurrency_limit,
        webhook=webhook,
    )
