"""Clients' idempotency keys: which invocation, or which batch, a submit under a key has made."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import and_, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from control_plane_server.catalog.invocation_filters import ProjectInvocationFilter
from control_plane_server.catalog.paths import searchable
from control_plane_server.catalog.tables import BatchIdempotencyKeyRow, BatchRow, IdempotencyKeyRow, InvocationRow
from control_plane_server.domain.blobs import Blob
from control_plane_server.domain.entities import InvocationOutcome, InvocationStatus, ParentRef
from control_plane_server.domain.errors import IdempotencyKeyIsReused
from control_plane_server.domain.identifiers import InvocationId
from control_plane_server.domain.submit_options import NO_OPTIONS, SubmitOptions

OF_REPLAYS = ""  # in place of a function's name, which is not empty


class KeyIsTaken(Exception):
    """Another submit under the same key came first: what it made counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """Scoped to project and function name, so that a repeat finds its invocation even if `latest` has moved."""

    project_name: str
    function_name: str
    key: str
    request_fingerprint: str


def fingerprint(
    *,
    function_input: str,
    parent: ParentRef | None,
    options: SubmitOptions,
    input_blob: Blob | None = None,
    replay: tuple[InvocationId, str] | None = None,
) -> str:
    """SHA-256 of a request body, in hex: tells bodies apart without storing them. Blobs are told apart by what is in
    them: who repeats a request may have uploaded it again. `replay`: of which invocation, in which version."""
    parts: list[object] = [function_input, None if parent is None else [parent.function_name, parent.invocation_id]]
    if options.queue_timeout_seconds is not None:  # without it as releases before had it
        parts.append(options.queue_timeout_seconds)
    if input_blob is not None:
        parts.append({"size": input_blob.size, "sha256": input_blob.sha256})
    asked = {
        name: sorted(value.items()) if isinstance(value, Mapping) else value
        for name, value in asdict(options).items()
        if name != "queue_timeout_seconds" and value != getattr(NO_OPTIONS, name)
    }
    if asked:
        parts.append(asked)
    if replay is not None:
        parts.append({"replay": replay})
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def replay_fingerprint(matching: ProjectInvocationFilter, *, version_ref: str | None) -> str:
    """As `fingerprint`, of a replay of all that match."""
    return hashlib.sha256(json.dumps([asdict(matching), version_ref]).encode()).hexdigest()


def batch_fingerprint(*, inputs: Sequence[str], parent: ParentRef | None, options: SubmitOptions) -> str:
    """As `fingerprint`, of a batch, however its inputs were sent."""
    rest = fingerprint(function_input="", parent=parent, options=options)
    digest = hashlib.sha256(rest.encode())
    for text in inputs:
        encoded = text.encode()
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.hexdigest()


class IdempotencyKeyRepository:
    """The connection's owner commits. Keys of invocations and of batches do not know each other."""

    _keys: type[IdempotencyKeyRow | BatchIdempotencyKeyRow] = IdempotencyKeyRow
    _made = "invocation_id"  # the column that says what was made

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, key: IdempotencyKey) -> str | None:
        """The id of what was made under this key; None if there is none. Raises IdempotencyKeyIsReused if its request
        had another body."""
        found = await self._connection.execute(
            select(self._keys.request_fingerprint, self._keys.__table__.c[self._made].label("made")).where(
                self._keys.project_name == searchable(key.project_name),
                self._keys.function_name == searchable(key.function_name),
                self._keys.idempotency_key == key.key,
            )
        )
        row = found.one_or_none()
        if row is None:
            return None
        if row.request_fingerprint != key.request_fingerprint:
            raise IdempotencyKeyIsReused
        return str(row.made)

    async def find_resumable(self, key: IdempotencyKey, earlier: Sequence[str]) -> str | None:
        """The id of what an equal request has made under one of these keys, the newest, if it is worth waiting for: it
        has succeeded, or runs and nobody stops it. None if there is none."""
        found: str | None = await self._connection.scalar(
            select(IdempotencyKeyRow.invocation_id)
            .join(InvocationRow, InvocationRow.invocation_id == IdempotencyKeyRow.invocation_id)
            .where(
                *_made_by_equals(IdempotencyKeyRow, key, earlier),
                or_(
                    InvocationRow.outcome == InvocationOutcome.SUCCEEDED.value,
                    and_(
                        InvocationRow.status == InvocationStatus.RUNNING.value,
                        InvocationRow.cancellation_request_time.is_(None),
                        InvocationRow.stop_time.is_(None),
                    ),
                ),
            )
            .order_by(InvocationRow.creation_time.desc())
            .limit(1)
        )
        return found

    async def record(self, key: IdempotencyKey, made: str) -> None:
        """Record the key, in the transaction that inserts what has this id. Raises KeyIsTaken, which must roll it
        back."""
        try:
            await self._connection.execute(
                insert(self._keys).values(
                    project_name=key.project_name,
                    function_name=key.function_name,
                    idempotency_key=key.key,
                    request_fingerprint=key.request_fingerprint,
                    **{self._made: made},
                )
            )
        except IntegrityError as error:
            raise KeyIsTaken from error


class BatchKeyRepository(IdempotencyKeyRepository):
    _keys = BatchIdempotencyKeyRow
    _made = "batch_id"

    async def find_resumable(self, key: IdempotencyKey, earlier: Sequence[str]) -> str | None:
        """The same of a batch, however it ended: who resumes it looks at its results."""
        found: str | None = await self._connection.scalar(
            select(BatchIdempotencyKeyRow.batch_id)
            .join(BatchRow, BatchRow.batch_id == BatchIdempotencyKeyRow.batch_id)
            .where(*_made_by_equals(BatchIdempotencyKeyRow, key, earlier))
            .order_by(BatchRow.creation_time.desc())
            .limit(1)
        )
        return found


def _made_by_equals(
    keys: type[IdempotencyKeyRow | BatchIdempotencyKeyRow], key: IdempotencyKey, earlier: Sequence[str]
) -> tuple[ColumnElement[bool], ...]:
    return (
        keys.project_name == searchable(key.project_name),
        keys.function_name == searchable(key.function_name),
        keys.idempotency_key.in_(earlier),
        keys.request_fingerprint == key.request_fingerprint,
    )
