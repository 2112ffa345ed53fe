"""Webhooks on the wire."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field

from api.schemas.times import epoch_seconds, optional_epoch_seconds
from control_plane_server.catalog.webhooks.declarations import WebhookPage
from control_plane_server.catalog.webhooks.delivery_log import DeliveryPage
from control_plane_server.domain import bounds, webhooks
from control_plane_server.domain.webhooks import DeliveryStatus, WebhookEvent
from control_plane_server.webhooks.urls import parse_url


def _url(text: str) -> str:
    """As it is stored. Raises UrlIsMalformed, which is a ValueError."""
    try:
        return parse_url(text).text
    except ValueError as error:
        raise ValueError(f"url {error}") from error


def _in_order(events: list[WebhookEvent]) -> list[WebhookEvent]:
    """Each once, so that the same wish is the same request."""
    return [event for event in WebhookEvent if event in events]


class WebhookDefinition(BaseModel):
    """Which ends of invocations are told, by a POST of this URL: https, or http into a network that the operator
    allows."""

    url: Annotated[
        str, AfterValidator(_url), Field(json_schema_extra={"format": "uri", "maxLength": bounds.MAX_URL_LENGTH})
    ]
    events: Annotated[list[WebhookEvent], Field(min_length=1, max_length=100), AfterValidator(_in_order)] = list(
        WebhookEvent
    )

    @classmethod
    def of_invocation(cls, webhook: webhooks.InvocationWebhook | None) -> Self | None:
        return None if webhook is None else cls(url=webhook.url, events=list(webhook.events))

    def to_domain(self) -> webhooks.InvocationWebhook:
        return webhooks.InvocationWebhook(url=self.url, events=tuple(self.events))


class WebhookInfo(BaseModel):
    """`failing_since`: the first attempt that failed since one succeeded. `status`: FAILING since then; FAILED if that
    is three days ago: it is tried as before."""

    webhook_name: str
    url: str
    events: list[WebhookEvent]
    status: webhooks.WebhookStatus
    failing_since: int | None
    creation_time: int
    last_update_time: int

    @classmethod
    def of(cls, webhook: webhooks.Webhook) -> Self:
        return cls(
            webhook_name=webhook.webhook_name,
            url=webhook.url,
            events=list(webhook.events),
            status=webhook.status,
            failing_since=optional_epoch_seconds(webhook.failing_since),
            creation_time=epoch_seconds(webhook.creation_time),
            last_update_time=epoch_seconds(webhook.last_update_time),
        )


class SetWebhook(WebhookInfo):
    """`secret`: what deliveries are signed with, `whsec_…`, of a webhook that was made just now. It is not told
    again."""

    secret: Annotated[str | None, Field(repr=False)]

    @classmethod
    def of_request(cls, webhook: webhooks.Webhook, *, secret: str | None) -> Self:
        return cls(**dict(WebhookInfo.of(webhook)), secret=secret)


class SigningSecret(BaseModel):
    """`secret`: `whsec_…`, which is not told again. The one before signs beside it for a day."""

    webhook_name: str
    secret: Annotated[str, Field(repr=False)]


class WebhooksListForProject(BaseModel):
    project_name: str
    webhooks: list[WebhookInfo]
    next_offset: str | None

    @classmethod
    def of(cls, project_name: str, page: WebhookPage) -> Self:
        return cls(
            project_name=project_name,
            webhooks=[WebhookInfo.of(webhook) for webhook in page.webhooks],
            next_offset=page.next_offset,
        )


class DeliveryInfo(BaseModel):
    """`delivery_id`: what receivers get as `webhook-id`. `last_status`: of HTTP; null if no answer came. `last_error`:
    why the last attempt failed. `next_attempt_time`: of a PENDING one."""

    delivery_id: str
    webhook_name: str
    invocation_id: str
    event: WebhookEvent
    status: DeliveryStatus
    attempts: int
    last_status: int | None
    last_error: str | None
    creation_time: int
    last_attempt_time: int | None
    next_attempt_time: int | None

    @classmethod
    def of(cls, delivery: webhooks.Delivery) -> Self:
        return cls(
            delivery_id=delivery.delivery_id,
            webhook_name=delivery.webhook_name,
            invocation_id=delivery.invocation_id,
            event=delivery.event,
            status=delivery.status,
            attempts=delivery.attempts,
            last_status=delivery.last_status,
            last_error=delivery.last_error,
            creation_time=epoch_seconds(delivery.creation_time),
            last_attempt_time=optional_epoch_seconds(delivery.last_attempt_time),
            next_attempt_time=optional_epoch_seconds(delivery.next_attempt_time),
        )


class DeliveriesListForWebhook(BaseModel):
    project_name: str
    webhook_name: str
    deliveries: list[DeliveryInfo]
    next_offset: str | None

    @classmethod
    def of(cls, project_name: str, webhook_name: str, page: DeliveryPage) -> Self:
        return cls(
            project_name=project_name,
            webhook_name=webhook_name,
            deliveries=[DeliveryInfo.of(delivery) for delivery in page.deliveries],
            next_offset=page.next_offset,
        )
