"""Secrets of projects: set, listed, unset, read for a container."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Text, and_, bindparam, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.invocation_pages import PageStart
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.secret_table import SecretRow
from control_plane_server.catalog.tables import ProjectRow, epoch_second
from control_plane_server.domain.errors import (
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    SecretDoesNotExist,
)
from control_plane_server.domain.secrets import Secret

_NOW = func.statement_timestamp()
_COLUMNS = (SecretRow.secret_name, SecretRow.creation_time, SecretRow.last_update_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPage:
    """`next_offset`: where the next page begins; None on the last page."""

    secrets: tuple[Secret, ...]
    next_offset: str | None


class SecretRepository:
    """The connection's owner commits. Each method is one statement, or one more to say what is missing."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, project_name: str, secret_name: str, value: str, *, keys: SecretKeys) -> Secret:
        """Set its value, whether it is new or not. Raises ProjectDoesNotExist, ProjectIsBeingDeleted,
        SecretsAreNotConfigured."""
        columns = ("project_name", "secret_name", "encrypted_value", "encryption_key", "last_update_time")
        new = insert(SecretRow).from_select(
            columns,
            select(
                ProjectRow.project_name,
                bindparam("secret_name", secret_name, type_=Text),
                bindparam("encrypted_value", keys.encrypt(value), type_=Text),
                bindparam("encryption_key", keys.first, type_=Text),
                _NOW,
            ).where(ProjectRow.project_name == searchable(project_name), ProjectRow.closing_time.is_(None)),
        )
        try:
            written = await self._connection.execute(
                new.on_conflict_do_update(
                    index_elements=[SecretRow.project_name, SecretRow.secret_name],
                    set_={column: new.excluded[column] for column in columns[2:]},
                ).returning(*_COLUMNS)
            )
        except IntegrityError as error:  # it was deleted since it was looked for
            raise ProjectDoesNotExist from error
        row = written.one_or_none()
        if row is None:
            await self._ensure_project(project_name)
            raise ProjectIsBeingDeleted
        return _to_secret(row)

    async def get(self, project_name: str, secret_name: str) -> Secret:
        """Raises ProjectDoesNotExist, SecretDoesNotExist."""
        found = await self._connection.execute(select(*_COLUMNS).where(*_is(project_name, secret_name)))
        row = found.one_or_none()
        if row is None:
            raise await self._missing(project_name)
        return _to_secret(row)

    async def delete(self, project_name: str, secret_name: str) -> Secret:
        """Also one that functions name. Raises ProjectDoesNotExist, SecretDoesNotExist."""
        deleted = await self._connection.execute(
            delete(SecretRow).where(*_is(project_name, secret_name)).returning(*_COLUMNS)
        )
        row = deleted.one_or_none()
        if row is None:
            raise await self._missing(project_name)
        return _to_secret(row)

    async def list_of_project(self, project_name: str, *, offset: str | None, max_results: int) -> SecretPage:
        """Newest first by whole seconds, then by name. Raises ProjectDoesNotExist, OffsetIsInvalid."""
        second = epoch_second(SecretRow.creation_time)
        page = (
            select(*_COLUMNS, second.label("second"))
            .where(SecretRow.project_name == searchable(project_name))
            .order_by(second.desc(), SecretRow.secret_name)
            .limit(max_results + 1)
        )
        if offset is not None:
            start = PageStart.parse(offset)
            page = page.where(
                or_(second < start.second, and_(second == start.second, SecretRow.secret_name >= start.item_id))
            )
        rows = (await self._connection.execute(page)).all()
        if not rows:
            await self._ensure_project(project_name)
        following = rows[max_results] if len(rows) > max_results else None
        return SecretPage(
            secrets=tuple(map(_to_secret, rows[:max_results])),
            next_offset=None if following is None else str(_start_of(following)),
        )

    async def missing(self, project_name: str, names: Collection[str]) -> frozenset[str]:
        """Those of the names that the project has no secret of."""
        found = await self._connection.scalars(
            select(SecretRow.secret_name).where(
                SecretRow.project_name == project_name, SecretRow.secret_name.in_(set(names))
            )
        )
        return frozenset(names) - frozenset(found)

    async def values(self, project_name: str, names: Collection[str], *, keys: SecretKeys) -> Mapping[str, str]:
        """By their names, as far as the project has them. Raises SecretsAreUnreadable."""
        found = await self._connection.execute(
            select(SecretRow.secret_name, SecretRow.encrypted_value, SecretRow.encryption_key).where(
                SecretRow.project_name == project_name, SecretRow.secret_name.in_(set(names))
            )
        )
        return {row.secret_name: keys.decrypt(row.encrypted_value, fingerprint=row.encryption_key) for row in found}

    async def _missing(self, project_name: str) -> SecretDoesNotExist:
        """Raises ProjectDoesNotExist."""
        await self._ensure_project(project_name)
        return SecretDoesNotExist()

    async def _ensure_project(self, project_name: str) -> None:
        found = await self._connection.scalar(
            select(ProjectRow.project_name).where(ProjectRow.project_name == searchable(project_name))
        )
        if found is None:
            raise ProjectDoesNotExist


def _is(project_name: str, secret_name: str) -> tuple[Any, ...]:
    return (
        SecretRow.project_name == searchable(project_name),
        SecretRow.secret_name == searchable(secret_name),
    )


def _start_of(row: Row[*tuple[Any, ...]]) -> PageStart:
    return PageStart(second=row.second, item_id=row.secret_name)


def _to_secret(row: Row[*tuple[Any, ...]]) -> Secret:
    return Secret(secret_name=row.secret_name, creation_time=row.creation_time, last_update_time=row.last_update_time)
