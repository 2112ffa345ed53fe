"""Webhooks: whom to tell that an invocation has ended, and what became of telling it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from control_plane_server.domain.identifiers import InvocationId, ProjectName

DeliveryId = NewType("DeliveryId", str)

# Under this name stand the deliveries, and the signing secret, of all webhooks that invocations bring along.
OF_INVOCATIONS = "invocations"
# For how long a delivery is tried.
DELIVERY_PATIENCE = timedelta(days=3)
# For how long a secret that was replaced signs beside the new one, so that receivers can change theirs in between.
ROTATION_OVERLAP = timedelta(days=1)


class WebhookEvent(StrEnum):
    """What is told. Also one that its code ended as aborted has failed: its outcome says so."""

    SUCCEEDED = "invocation.succeeded"
    FAILED = "invocation.failed"
    CANCELLED = "invocation.cancelled"
    TIMED_OUT = "invocation.timed_out"


class WebhookStatus(StrEnum):
    ACTIVE = "ACTIVE"
    FAILING = "FAILING"  # the last attempt failed
    FAILED = "FAILED"  # all of them did for three days


class DeliveryStatus(StrEnum):
    PENDING = "PENDING"  # it is sent, or will be sent again
    DELIVERED = "DELIVERED"  # it was answered with a status of 200 to 299
    GIVEN_UP = "GIVEN_UP"  # that did not happen for three days, or the webhook is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationWebhook:
    """What an invocation brings along. `events`: which ends are told; at least one."""

    url: str
    events: tuple[WebhookEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Of a project. `failing_since`: the first attempt that failed since one succeeded; None: the last one did not."""

    webhook_name: str
    url: str
    events: tuple[WebhookEvent, ...]
    creation_time: datetime
    last_update_time: datetime
    failing_since: datetime | None
    is_failed: bool  # nothing was taken for three days

    @property
    def status(self) -> WebhookStatus:
        if self.is_failed:
            return WebhookStatus.FAILED
        return WebhookStatus.ACTIVE if self.failing_since is None else WebhookStatus.FAILING


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one receiver. `attempts`: so far. `last_status`: of HTTP; None if no answer came. `last_error`: of
    the last attempt; None if it succeeded. `next_attempt_time`: of a PENDING one."""

    delivery_id: DeliveryId
    webhook_name: str
    invocation_id: InvocationId
    event: WebhookEvent
    status: DeliveryStatus
    attempts: int
    last_status: int | None
    last_error: str | None
    creation_time: datetime
    last_attempt_time: datetime | None
    next_attempt_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTarget:
    """Deliveries that share a receiver, and are sent a few at a time: those of a project's webhook, by its name, or
    those of a project's invocations to one server, by its origin."""

    project_name: ProjectName
    target: str
