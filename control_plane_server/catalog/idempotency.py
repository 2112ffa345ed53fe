"""Clients' idempotency keys: which invocation a submit under a key has made."""

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.tables import IdempotencyKeyRow
from control_plane_server.domain.entities import ParentRef
from control_plane_server.domain.errors import IdempotencyKeyIsReused
from control_plane_server.domain.identifiers import InvocationId


class KeyIsTaken(Exception):
    """Another submit under the same key came first: its invocation counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """Scoped to project and function name, so that a repeat finds its invocation even if `latest` has moved."""

    project_name: str
    function_name: str
    key: str
    request_fingerprint: str


def fingerprint(*, function_input: str, parent: ParentRef | None) -> str:
    """SHA-256 of a request body, in hex: tells bodies apart without storing them."""
    parts = [function_input, None if parent is None else [parent.function_name, parent.invocation_id]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class IdempotencyKeyRepository:
    """The connection's owner commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, key: IdempotencyKey) -> InvocationId | None:
        """The invocation made under this key; None if there is none. Raises IdempotencyKeyIsReused if its request had
        another body."""
        found = await self._connection.execute(
            select(IdempotencyKeyRow.request_fingerprint, IdempotencyKeyRow.invocation_id).where(
                IdempotencyKeyRow.project_name == searchable(key.project_name),
                IdempotencyKeyRow.function_name == searchable(key.function_name),
                IdempotencyKeyRow.idempotency_key == key.key,
            )
        )
        row = found.one_or_none()
        if row is None:
            return None
        if row.request_fingerprint != key.request_fingerprint:
            raise IdempotencyKeyIsReused
        return InvocationId(row.invocation_id)

    async def record(self, key: IdempotencyKey, invocation_id: InvocationId) -> None:
        """Record the key, in the transaction that inserts the invocation. Raises KeyIsTaken, which must roll it
        back."""
        try:
            await self._connection.execute(
                insert(IdempotencyKeyRow).values(
                    project_name=key.project_name,
                    function_name=key.function_name,
                    idempotency_key=key.key,
                    request_fingerprint=key.request_fingerprint,
                    invocation_id=invocation_id,
                )
            )
        except IntegrityError as error:
            raise KeyIsTaken from error
