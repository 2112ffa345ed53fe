"""Secrets in the catalog: encrypted, by keys that change while everything goes on."""

import asyncio

import pytest
from sqlalchemy import select, text, update

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.encrypted_values import EncryptedValueRepository, Rotation
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.secret_keys import KeyIsMalformed, SecretKeys
from control_plane_server.catalog.secret_table import SecretRow
from control_plane_server.catalog.secrets import SecretRepository
from control_plane_server.domain.errors import (
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    SecretsAreNotConfigured,
    SecretsAreUnreadable,
)

OLD, NEW = "A" * 43 + "=", "b" * 42 + "8="


async def put(database: Database, keys: SecretKeys, **values: str) -> None:
    async with database.transaction() as connection:
        await ProjectRepository(connection).ensure("p")
        for name, value in values.items():
            await SecretRepository(connection).put("p", name, value, keys=keys)


async def read(database: Database, keys: SecretKeys, *names: str) -> dict[str, str]:
    async with database.statement() as connection:
        return dict(await SecretRepository(connection).values("p", names, keys=keys))


async def rotate(database: Database, keys: SecretKeys, *, at_most: int = 100) -> Rotation:
    async with database.transaction() as connection:
        return await EncryptedValueRepository(connection).rotate(keys=keys, at_most=at_most)


def test_keys_are_32_bytes_in_either_base64() -> None:
    assert SecretKeys(("-_" + "A" * 41 + "=",)).fingerprints == SecretKeys(("+/" + "A" * 41 + "=",)).fingerprints
    for malformed in ("", "A" * 42, "A" * 44, "A" * 43, "ä" * 43 + "=", OLD + OLD):
        with pytest.raises(KeyIsMalformed):
            SecretKeys((malformed,))
    assert OLD not in repr(SecretKeys((OLD,)))


async def test_without_keys_nothing_is_encrypted_or_read(database: Database) -> None:
    with pytest.raises(SecretsAreNotConfigured):
        await put(database, SecretKeys(), a="1")
    await put(database, SecretKeys((OLD,)), a="1")
    with pytest.raises(SecretsAreUnreadable):  # another api may have some, or this one soon
        await read(database, SecretKeys(), "a")
    with pytest.raises(SecretsAreNotConfigured):
        await rotate(database, SecretKeys())


async def test_a_project_that_is_being_deleted_takes_none(database: Database) -> None:
    await put(database, SecretKeys((OLD,)), a="1")
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE projects SET closing_time = clock_timestamp()"))
    for name in ("a", "b"):
        with pytest.raises(ProjectIsBeingDeleted):
            await put_alone(database, name)
    async with database.transaction() as connection:
        await connection.execute(text("DELETE FROM projects"))
    with pytest.raises(ProjectDoesNotExist):
        await put_alone(database, "a")


async def put_alone(database: Database, name: str) -> None:
    async with database.statement() as connection:
        await SecretRepository(connection).put("p", name, "2", keys=SecretKeys((OLD,)))


async def test_the_first_key_encrypts_and_all_decrypt(database: Database) -> None:
    await put(database, SecretKeys((OLD,)), a="über\n", b="2")
    await put(database, SecretKeys((NEW, OLD)), b="3")
    assert await read(database, SecretKeys((NEW, OLD)), "a", "b", "c") == {"a": "über\n", "b": "3"}
    with pytest.raises(SecretsAreUnreadable):
        await read(database, SecretKeys((NEW,)), "a")
    async with database.statement() as connection:
        stored = " ".join(await connection.scalars(select(SecretRow.encrypted_value + SecretRow.encryption_key)))
        assert await EncryptedValueRepository(connection).count_readable(SecretKeys((NEW,))) == (1, 1)
        assert await EncryptedValueRepository(connection).count_readable(SecretKeys()) == (0, 2)
    assert "ber" not in stored
    assert OLD not in stored


async def test_a_rotation_goes_in_batches_and_may_be_repeated(database: Database) -> None:
    await put(database, SecretKeys((OLD,)), **{f"s{number}": f"value {number}" for number in range(5)})
    both = SecretKeys((NEW, OLD))
    assert await rotate(database, both, at_most=3) == Rotation(rotated=3, remaining=2, unreadable=0)
    assert await rotate(database, both, at_most=3) == Rotation(rotated=2, remaining=0, unreadable=0)
    assert await rotate(database, both, at_most=3) == Rotation(rotated=0, remaining=0, unreadable=0)
    assert (await read(database, SecretKeys((NEW,)), "s4"))["s4"] == "value 4"
    assert await rotate(database, SecretKeys((OLD,))) == Rotation(rotated=0, remaining=0, unreadable=5)


async def test_a_value_that_is_set_during_a_rotation_stays(database: Database) -> None:
    both = SecretKeys((NEW, OLD))
    await put(database, SecretKeys((OLD,)), a="old", b="old")
    async with database.transaction() as connection:
        await SecretRepository(connection).put("p", "a", "newest", keys=SecretKeys((OLD,)))
        await asyncio.gather(*(rotate(database, both) for _ in range(3)))
    assert await read(database, both, "a", "b") == {"a": "newest", "b": "old"}
    assert await rotate(database, both) == Rotation(rotated=1, remaining=0, unreadable=0)
    assert await read(database, SecretKeys((NEW,)), "a", "b") == {"a": "newest", "b": "old"}


async def test_what_nobody_of_us_wrote_holds_up_no_rotation(database: Database) -> None:
    await put(database, SecretKeys((OLD,)), a="1", b="2")
    async with database.statement() as connection:
        await connection.execute(update(SecretRow).where(SecretRow.secret_name == "a").values(encrypted_value="no"))
    assert (await rotate(database, SecretKeys((NEW, OLD)))).rotated == 1
    assert await read(database, SecretKeys((NEW,)), "b") == {"b": "2"}


async def test_they_go_with_their_project(database: Database) -> None:
    await put(database, SecretKeys((OLD,)), a="1")
    async with database.transaction() as connection:
        await connection.execute(text("DELETE FROM projects"))
        assert await connection.scalar(text("SELECT count(*) FROM secrets")) == 0
