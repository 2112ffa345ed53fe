"""Webhooks of projects, and the secrets that sign for them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.encrypted_values import EncryptedValueRepository
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.webhooks.declarations import WebhookRepository
from control_plane_server.catalog.webhooks.signing_secrets import SigningSecretRepository
from control_plane_server.domain.bounds import MAX_WEBHOOKS
from control_plane_server.domain.errors import (
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    SecretsAreNotConfigured,
    SecretsAreUnreadable,
    TooManyWebhooks,
    WebhookDoesNotExist,
)
from control_plane_server.domain.webhooks import OF_INVOCATIONS
from tests.catalog.webhooks.declared import KEYS, SECRET, age, declare
from tests.factories import insert_function

OTHER_KEY = "b" * 42 + "8="


async def valid(database: Database, project: str, name: str = "hook", *, keys: SecretKeys = KEYS) -> tuple[str, ...]:
    async with database.statement() as connection:
        return await SigningSecretRepository(connection).valid(project, name, keys=keys)


async def replace(database: Database, project: str, value: str, name: str = "hook") -> None:
    async with database.transaction() as connection:
        await SigningSecretRepository(connection).replace(project, name, value, keys=KEYS, overlap=timedelta(days=1))


@pytest.fixture
async def project(database: Database) -> str:
    return (await insert_function(database)).project_name


async def test_one_that_is_set_by_several_at_once_is_one(database: Database, project: str) -> None:
    await asyncio.gather(*(declare(database, project, url=f"https://{n}.example.com") for n in range(5)))
    async with database.statement() as connection:
        page = await WebhookRepository(connection).list_of_project(project, offset=None, max_results=10)
    assert [webhook.webhook_name for webhook in page.webhooks] == ["hook"]
    assert await valid(database, project) == (SECRET,)


async def test_there_are_not_more_than_a_project_may_have(database: Database, project: str) -> None:
    for number in range(MAX_WEBHOOKS):
        await declare(database, project, f"hook-{number}")
    with pytest.raises(TooManyWebhooks):
        await declare(database, project)
    await declare(database, project, "hook-1", url="https://other.example.com")
    async with database.statement() as connection:
        first = await WebhookRepository(connection).list_of_project(project, offset=None, max_results=MAX_WEBHOOKS - 1)
        rest = await WebhookRepository(connection).list_of_project(
            project, offset=first.next_offset, max_results=MAX_WEBHOOKS
        )
        assert len({webhook.webhook_name for webhook in first.webhooks + rest.webhooks}) == MAX_WEBHOOKS
        assert rest.next_offset is None
        await WebhookRepository(connection).delete(project, "hook-2")
        for read in (WebhookRepository(connection).get, WebhookRepository(connection).delete):
            with pytest.raises(WebhookDoesNotExist):
                await read(project, "hook-2")
    await declare(database, project)


async def test_a_project_that_is_not_there_or_being_deleted_takes_none(database: Database, project: str) -> None:
    with pytest.raises(ProjectDoesNotExist):
        await declare(database, "no-project")
    with pytest.raises(ProjectDoesNotExist):
        await replace(database, "no-project", SECRET, OF_INVOCATIONS)
    async with database.statement() as connection:
        await connection.execute(text("UPDATE projects SET closing_time = clock_timestamp()"))
    with pytest.raises(ProjectIsBeingDeleted):
        await declare(database, project)


async def test_a_secret_that_was_replaced_signs_for_a_day(database: Database, project: str) -> None:
    await declare(database, project)
    await replace(database, project, "whsec_second")
    assert await valid(database, project) == ("whsec_second", SECRET)
    await replace(database, project, "whsec_third")  # two are enough
    assert await valid(database, project) == ("whsec_third", "whsec_second")
    await age(database, hours=25)
    assert await valid(database, project) == ("whsec_third",)


async def test_several_that_replace_it_at_once_leave_one_newest(database: Database, project: str) -> None:
    await asyncio.gather(*(replace(database, project, f"whsec_{n}", OF_INVOCATIONS) for n in range(5)))
    newest, before = await valid(database, project, OF_INVOCATIONS)
    assert newest != before
    async with database.statement() as connection:
        assert await SigningSecretRepository(connection).exists(project, OF_INVOCATIONS)
        assert not await SigningSecretRepository(connection).exists(project, "hook")


async def test_secrets_go_with_their_webhook_or_project(database: Database, project: str) -> None:
    for name in ("hook", "other"):
        await declare(database, project, name)
    async with database.statement() as connection:
        await WebhookRepository(connection).delete(project, "hook")
    assert await valid(database, project) == ()
    async with database.statement() as connection:
        await connection.execute(text("DELETE FROM versions"))
        await connection.execute(text("DELETE FROM projects"))
        assert await connection.scalar(text("SELECT count(*) FROM webhook_secrets")) == 0


async def test_they_are_stored_encrypted_by_keys_that_change(database: Database, project: str) -> None:
    await declare(database, project)
    async with database.statement() as connection:
        stored = await connection.scalar(text("SELECT encrypted_value FROM webhook_secrets"))
    assert SECRET not in str(stored)
    both = SecretKeys((OTHER_KEY, "A" * 43 + "="))
    async with database.transaction() as connection:
        rotation = await EncryptedValueRepository(connection).rotate(keys=both, at_most=10)
    assert (rotation.rotated, rotation.remaining, rotation.unreadable) == (1, 0, 0)
    with pytest.raises(SecretsAreUnreadable):
        await valid(database, project)
    assert await valid(database, project, keys=SecretKeys((OTHER_KEY,))) == (SECRET,)
    with pytest.raises(SecretsAreNotConfigured):
        async with database.transaction() as connection:
            await SigningSecretRepository(connection).replace(
                project, "hook", SECRET, keys=SecretKeys(), overlap=timedelta()
            )
