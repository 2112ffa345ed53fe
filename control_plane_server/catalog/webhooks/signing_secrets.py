"""What deliveries are signed with: drawn when a webhook is made, replaced on request, and told nobody afterwards."""

from datetime import timedelta

from sqlalchemy import delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.tables import ProjectRow
from control_plane_server.catalog.webhooks.tables import WebhookSecretRow
from control_plane_server.domain.errors import ProjectDoesNotExist

_NOW = func.statement_timestamp()


class SigningSecretRepository:
    """The connection's owner commits. `webhook_name`: of a webhook, or OF_INVOCATIONS."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def replace(
        self, project_name: str, webhook_name: str, value: str, *, keys: SecretKeys, overlap: timedelta
    ) -> None:
        """Make this the secret, the first one or another one; that before signs beside it for so long. Needs a
        transaction. Of two at once the later one is it. Raises ProjectDoesNotExist, SecretsAreNotConfigured."""
        encrypted = keys.encrypt(value)
        locked = await self._connection.execute(
            select(ProjectRow.project_name)
            .where(ProjectRow.project_name == searchable(project_name))
            .with_for_update(key_share=True)
        )
        if locked.one_or_none() is None:
            raise ProjectDoesNotExist
        is_its = (
            WebhookSecretRow.project_name == project_name,
            WebhookSecretRow.webhook_name == webhook_name,
        )
        # One that was replaced before the last one is not needed any more: two signatures are enough.
        await self._connection.execute(
            delete(WebhookSecretRow).where(*is_its, WebhookSecretRow.expiry_time.is_not(None))
        )
        await self._connection.execute(
            update(WebhookSecretRow)
            .where(*is_its, WebhookSecretRow.expiry_time.is_(None))
            .values(expiry_time=_NOW + overlap)
        )
        await self._connection.execute(
            insert(WebhookSecretRow).values(
                project_name=project_name,
                webhook_name=webhook_name,
                encrypted_value=encrypted,
                encryption_key=keys.first,
            )
        )

    async def exists(self, project_name: str, webhook_name: str) -> bool:
        found = select(
            exists().where(
                WebhookSecretRow.project_name == searchable(project_name),
                WebhookSecretRow.webhook_name == webhook_name,
                WebhookSecretRow.expiry_time.is_(None),
            )
        )
        return bool(await self._connection.scalar(found))

    async def valid(self, project_name: str, webhook_name: str, *, keys: SecretKeys) -> tuple[str, ...]:
        """The newest first. Raises SecretsAreUnreadable."""
        found = await self._connection.execute(
            select(WebhookSecretRow.encrypted_value, WebhookSecretRow.encryption_key)
            .where(
                WebhookSecretRow.project_name == project_name,
                WebhookSecretRow.webhook_name == webhook_name,
                or_(WebhookSecretRow.expiry_time.is_(None), WebhookSecretRow.expiry_time > _NOW),
            )
            .order_by(WebhookSecretRow.secret_id.desc())
        )
        return tuple(keys.decrypt(row.encrypted_value, fingerprint=row.encryption_key) for row in found)
