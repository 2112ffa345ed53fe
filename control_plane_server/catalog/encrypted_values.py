"""All values that are stored encrypted, wherever: which keys they have, and how they get another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.secret_table import SecretRow
from control_plane_server.catalog.webhooks.tables import WebhookSecretRow
from control_plane_server.domain.errors import SecretsAreUnreadable

_Encrypted = type[SecretRow] | type[WebhookSecretRow]
# With what identifies a row.
_TABLES: Mapping[_Encrypted, Sequence[InstrumentedAttribute[Any]]] = {
    SecretRow: (SecretRow.project_name, SecretRow.secret_name),
    WebhookSecretRow: (WebhookSecretRow.secret_id,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """`rotated`: how many values were encrypted anew just now. `remaining`: how many others are encrypted with another
    of the keys than the first. `unreadable`: how many none of the keys decrypts."""

    rotated: int
    remaining: int
    unreadable: int

    def __add__(self, other: "Rotation") -> "Rotation":
        return Rotation(
            rotated=self.rotated + other.rotated,
            remaining=self.remaining + other.remaining,
            unreadable=self.unreadable + other.unreadable,
        )


class EncryptedValueRepository:
    """Secrets of projects, and what webhooks are signed with. The connection's owner commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def rotate(self, *, keys: SecretKeys, at_most: int) -> Rotation:
        """Encrypt at most so many values of each kind with the first key that are encrypted with another: needs a
        transaction. Values that somebody sets meanwhile are left to him. Raises SecretsAreNotConfigured."""
        whole = Rotation(rotated=0, remaining=0, unreadable=0)
        for table in _TABLES:
            whole += await self._rotate(table, keys=keys, at_most=at_most)
        return whole

    async def count_readable(self, keys: SecretKeys) -> tuple[int, int]:
        """How many values the keys decrypt, and how many they do not: one of each key is tried."""
        readable = unreadable = 0
        for table in _TABLES:
            found = await self._connection.execute(
                select(
                    table.encryption_key,
                    func.count().label("stored"),
                    func.min(table.encrypted_value).label("example"),
                ).group_by(table.encryption_key)
            )
            for row in found:
                try:
                    keys.decrypt(row.example, fingerprint=row.encryption_key)
                    readable += row.stored
                except SecretsAreUnreadable:
                    unreadable += row.stored
        return readable, unreadable

    async def _rotate(self, table: _Encrypted, *, keys: SecretKeys, at_most: int) -> Rotation:
        first = keys.first
        others = [fingerprint for fingerprint in keys.fingerprints if fingerprint != first]
        identity = _TABLES[table]
        found = await self._connection.execute(
            select(*identity, table.encrypted_value, table.encryption_key)
            .where(table.encryption_key.in_(others))
            .order_by(*identity)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        rotated = 0
        for row in found.all():
            try:
                value = keys.decrypt(row.encrypted_value, fingerprint=row.encryption_key)
            except SecretsAreUnreadable:  # it was written by no one of us
                continue
            await self._connection.execute(
                update(table)
                .where(*(column == row[place] for place, column in enumerate(identity)))
                .values(encrypted_value=keys.encrypt(value), encryption_key=first)
            )
            rotated += 1
        counted = await self._connection.execute(
            select(
                func.count(case((table.encryption_key.in_(others), 1))).label("remaining"),
                func.count(case((table.encryption_key.not_in(keys.fingerprints), 1))).label("unreadable"),
            )
        )
        counts = counted.one()
        return Rotation(rotated=rotated, remaining=counts.remaining, unreadable=counts.unreadable)
