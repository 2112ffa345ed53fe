"""Refuses webhooks to which nothing would be sent, before they are stored. They are checked again at each delivery."""

from api.services import Services
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.webhooks.signing_secrets import SigningSecretRepository
from control_plane_server.domain.errors import ProjectDoesNotExist, SigningSecretIsMissing, WebhookUrlIsRefused
from control_plane_server.domain.webhooks import OF_INVOCATIONS, InvocationWebhook
from control_plane_server.webhooks.targets import TargetIsRefused, TargetIsUnknown, Targets
from control_plane_server.webhooks.urls import parse_url


async def ensure_sendable(targets: Targets, url: str) -> None:
    """`url`: well formed. One whose name cannot be resolved at the moment is taken. Raises WebhookUrlIsRefused."""
    try:
        await targets.addresses(parse_url(url))
    except TargetIsUnknown:
        return
    except TargetIsRefused as error:
        raise WebhookUrlIsRefused(f"{WebhookUrlIsRefused.default_message()}: {error}") from error


async def ensure_told(services: Services, project_name: str, webhook: InvocationWebhook) -> None:
    """Of a submit. Raises WebhookUrlIsRefused, SigningSecretIsMissing, ProjectDoesNotExist."""
    async with services.database.statement() as connection:
        if not await SigningSecretRepository(connection).exists(project_name, OF_INVOCATIONS):
            is_there = await ProjectRepository(connection).exists(project_name)
            raise SigningSecretIsMissing if is_there else ProjectDoesNotExist
    await ensure_sendable(services.webhook_targets, webhook.url)
