"""/projects/…/webhooks: set, listed, deleted; their secrets replaced; their deliveries listed and sent again."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator

from api.authorization import require_root
from api.errors import documented
from api.routers import new_router
from api.schemas.webhooks import (
    DeliveriesListForWebhook,
    DeliveryInfo,
    SetWebhook,
    SigningSecret,
    WebhookDefinition,
    WebhookInfo,
    WebhooksListForProject,
)
from api.services import services_of
from api.tags import Tag
from api.webhook_targets import ensure_sendable
from control_plane_server.catalog.webhooks.declarations import WebhookRepository
from control_plane_server.catalog.webhooks.delivery_log import DeliveryLogRepository
from control_plane_server.catalog.webhooks.signing_secrets import SigningSecretRepository
from control_plane_server.domain.bounds import (
    MAX_DELIVERIES_PER_PAGE,
    MAX_WEBHOOK_NAME_LENGTH,
    MAX_WEBHOOKS_PER_PAGE,
)
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    DeliveryDoesNotExist,
    OffsetIsInvalid,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    SecretsAreNotConfigured,
    ServiceIsUnavailable,
    TooManyWebhooks,
    WebhookDoesNotExist,
    WebhookUrlIsRefused,
)
from control_plane_server.domain.webhooks import OF_INVOCATIONS, ROTATION_OVERLAP, DeliveryStatus
from control_plane_server.webhooks.messages import new_signing_secret

_WEBHOOKS = "/projects/{project_name}/webhooks"
_WEBHOOK = _WEBHOOKS + "/{webhook_name}"
_DELIVERIES = _WEBHOOK + "/deliveries"


def _not_taken(name: str) -> str:
    if name == OF_INVOCATIONS:
        raise ValueError(
            f"the name {OF_INVOCATIONS} is that of webhooks that invocations bring along; take another one"
        )
    return name


# As the names of secrets.
NewWebhookName = Annotated[
    str,
    Path(max_length=MAX_WEBHOOK_NAME_LENGTH, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"),
    AfterValidator(_not_taken),
]

router = new_router(
    Tag.WEBHOOKS, dependencies=[Depends(require_root)], responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable)
)


@router.put(
    _WEBHOOK,
    responses=documented(
        ProjectDoesNotExist, ProjectIsBeingDeleted, WebhookUrlIsRefused, TooManyWebhooks, SecretsAreNotConfigured
    ),
)
async def set_webhook(
    project_name: str, webhook_name: NewWebhookName, definition: WebhookDefinition, request: Request
) -> SetWebhook:
    """Have the ends of a project's invocations told to a URL. A new webhook is answered with the secret that signs its
    deliveries, which is not told again; one that is there keeps its secret."""
    services = services_of(request)
    await ensure_sendable(services.webhook_targets, definition.url)
    secret = new_signing_secret()
    async with services.database.transaction() as connection:
        webhook, is_new = await WebhookRepository(connection).put(
            project_name, webhook_name, url=definition.url, events=definition.events
        )
        if is_new:
            await SigningSecretRepository(connection).replace(
                project_name, webhook_name, secret, keys=services.secret_keys, overlap=ROTATION_OVERLAP
            )
    return SetWebhook.of_request(webhook, secret=secret if is_new else None)


@router.get(_WEBHOOKS, responses=documented(ProjectDoesNotExist, OffsetIsInvalid))
async def list_webhooks(
    *,
    project_name: str,
    request: Request,
    max_results: Annotated[int, Query(ge=0)] = MAX_WEBHOOKS_PER_PAGE,
    initial_offset: str | None = None,
) -> WebhooksListForProject:
    """A project's webhooks, newest first, page by page: `next_offset` is the next page's `initial_offset`."""
    async with services_of(request).database.statement() as connection:
        page = await WebhookRepository(connection).list_of_project(
            project_name, offset=initial_offset, max_results=min(max_results, MAX_WEBHOOKS_PER_PAGE)
        )
    return WebhooksListForProject.of(project_name, page)


@router.get(_WEBHOOK, responses=documented(ProjectDoesNotExist, WebhookDoesNotExist))
async def get_webhook(project_name: str, webhook_name: str, request: Request) -> WebhookInfo:
    """Where a webhook leads, and whether it is taken."""
    async with services_of(request).database.statement() as connection:
        return WebhookInfo.of(await WebhookRepository(connection).get(project_name, webhook_name))


@router.delete(_WEBHOOK, responses=documented(ProjectDoesNotExist, WebhookDoesNotExist))
async def delete_webhook(project_name: str, webhook_name: str, request: Request) -> WebhookInfo:
    """Send nothing any more. What was pending is given up."""
    async with services_of(request).database.statement() as connection:
        return WebhookInfo.of(await WebhookRepository(connection).delete(project_name, webhook_name))


@router.post(
    _WEBHOOK + "/rotate-secret", responses=documented(ProjectDoesNotExist, WebhookDoesNotExist, SecretsAreNotConfigured)
)
async def rotate_webhook_secret(project_name: str, webhook_name: str, request: Request) -> SigningSecret:
    """Draw a new secret; for a day deliveries are signed with the one before, too. Of `invocations` it is the one that
    signs for the webhooks that invocations bring along, which need it to be drawn once."""
    services = services_of(request)
    secret = new_signing_secret()
    async with services.database.transaction() as connection:
        if webhook_name != OF_INVOCATIONS:
            await WebhookRepository(connection).get(project_name, webhook_name)
        await SigningSecretRepository(connection).replace(
            project_name, webhook_name, secret, keys=services.secret_keys, overlap=ROTATION_OVERLAP
        )
    return SigningSecret(webhook_name=webhook_name, secret=secret)


@router.get(_DELIVERIES, responses=documented(ProjectDoesNotExist, WebhookDoesNotExist, OffsetIsInvalid))
async def list_deliveries(
    *,
    project_name: str,
    webhook_name: str,
    request: Request,
    status: DeliveryStatus | None = None,
    max_results: Annotated[int, Query(ge=0)] = MAX_DELIVERIES_PER_PAGE,
    initial_offset: str | None = None,
) -> DeliveriesListForWebhook:
    """A webhook's deliveries, newest first, page by page: `next_offset` is the next page's `initial_offset`. Of
    `invocations` those to the webhooks that invocations brought along."""
    async with services_of(request).database.statement() as connection:
        page = await DeliveryLogRepository(connection).read(
            project_name,
            webhook_name,
            status=status,
            offset=initial_offset,
            max_results=min(max_results, MAX_DELIVERIES_PER_PAGE),
        )
    return DeliveriesListForWebhook.of(project_name, webhook_name, page)


@router.post(
    _DELIVERIES + "/{delivery_id}/redeliver",
    responses=documented(ProjectDoesNotExist, WebhookDoesNotExist, DeliveryDoesNotExist),
)
async def redeliver(project_name: str, webhook_name: str, delivery_id: str, request: Request) -> DeliveryInfo:
    """Send a delivery now, whatever became of it, under the same `webhook-id`. May be repeated."""
    async with services_of(request).database.statement() as connection:
        return DeliveryInfo.of(
            await DeliveryLogRepository(connection).redeliver(project_name, webhook_name, delivery_id)
        )
