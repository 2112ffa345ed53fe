"""The object store: what is too large for the catalog, each blob under its id."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from control_plane_server.blobs import folders
from control_plane_server.blobs.objects import ID_PREFIX, OWNER, StoredObject, is_blob_id
from control_plane_server.domain.errors import BlobStoreIsAway

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")

# What an upload or a download holds in memory, a few at a time.
_PIECE_BYTES = 1024 * 1024
# Of an upload to S3 in several parts: no part but the last may be smaller.
_PART_BYTES = 8 * 1024 * 1024
# For a request that moves no data, its repetitions included; and for each piece of what is read.
_PATIENCE = timedelta(seconds=10)
_PIECE_PATIENCE = timedelta(seconds=30)
_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """A request that whoever has it may make with these headers, and no others, until it expires."""

    url: str
    headers: dict[str, str]
    expires: datetime


class Signer(Protocol):
    async def upload(self, key: str, *, size: int, sha256: str) -> SignedRequest:
        """A PUT that the store takes with this size and checksum alone."""

    async def download(self, key: str) -> SignedRequest:
        """A GET."""


class BlobStore:
    """One class for a bucket and for a folder. Every method raises BlobStoreIsAway.

    `signer`: of a store that clients and containers reach by themselves; None: everything goes through the API.
    """

    def __init__(
        self, store: S3Store | LocalStore, *, signer: Signer | None = None, folder: Path | None = None
    ) -> None:
        """`folder`: where the store is, if it is one."""
        self.signer = signer
        self._store = store
        self._folder = folder
        self._part_bytes = _PIECE_BYTES if folder is not None else _PART_BYTES

    async def put(self, key: str, pieces: AsyncIterable[bytes]) -> None:
        """Whole or not at all: what `pieces` raises is raised, and leaves nothing. The caller limits its time."""
        with _translated_errors():
            await obstore.put_async(
                self._store,
                key,
                pieces,
                use_multipart=True,
                chunk_size=self._part_bytes,
                max_concurrency=1,
            )

    async def size(self, key: str) -> int | None:
        """In bytes; None if there is no such object."""
        try:
            return (await _answer(obstore.head_async(self._store, key)))["size"]
        except FileNotFoundError:
            return None

    async def read(self, key: str) -> AsyncGenerator[bytes]:
        """In pieces. Raises FileNotFoundError with the first one."""
        found = await _answer(obstore.get_async(self._store, key))
        pieces = aiter(found.stream(min_chunk_size=_PIECE_BYTES))
        while (piece := await _answer(_next(pieces), patience=_PIECE_PATIENCE)) is not None:
            yield bytes(piece)

    async def delete(self, key: str) -> None:
        """Also if it is not there."""
        try:
            await _answer(obstore.delete_async(self._store, key))
        except FileNotFoundError:
            return

    async def page(self, *, after: str) -> list[StoredObject]:
        """At most 1,000 blobs behind a key, by their keys; none: there is nothing more. What else is there is no
        business of ours."""
        if self._folder is not None:
            return await _answer(asyncio.to_thread(folders.page, self._folder, after=after, at_most=_PAGE))
        pages = aiter(obstore.list(self._store, offset=after or ID_PREFIX, chunk_size=_PAGE))
        while found := await _answer(_next(pages)):
            blobs = [
                StoredObject(key=each["path"], size=each["size"], last_modified=each["last_modified"])
                for each in found
                if is_blob_id(each["path"])
            ]
            if blobs or not found[-1]["path"].startswith(ID_PREFIX):  # the rest is behind all of ours
                return blobs
        return []

    async def is_of(self, installation_id: str) -> bool:
        """Whether the store is this installation's. One that is nobody's becomes so: that of the first who says so."""
        if await self.owner() is None:
            with suppress(AlreadyExistsError):
                await _answer(
                    obstore.put_async(self._store, OWNER, installation_id.encode(), mode="create", use_multipart=False)
                )
        return await self.owner() == installation_id

    async def owner(self) -> str | None:
        """The installation whose store it is; None: nobody's so far."""
        try:
            found = await _answer(obstore.get_async(self._store, OWNER))
            return bytes(await _answer(found.bytes_async())).decode(errors="replace")
        except FileNotFoundError:
            return None

    async def sweep_broken_uploads(self, *, older_than: timedelta) -> int:
        """Delete what killed processes have left of uploads to a folder. Returns how many there were. A bucket does it
        by itself, by a lifecycle rule."""
        if self._folder is None:
            return 0
        return await _answer(asyncio.to_thread(folders.sweep, self._folder, older_than=older_than))


async def _next(pieces: AsyncIterator[Result]) -> Result | None:
    return await anext(pieces, None)


async def _answer(request: Awaitable[Result], *, patience: timedelta = _PATIENCE) -> Result:
    with _translated_errors():
        async with asyncio.timeout(patience.total_seconds()):
            return await request


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, AlreadyExistsError):
        raise
    except (BaseError, OSError, TimeoutError) as error:
        reason = (str(error) or type(error).__name__).partition("\n")[0]
        logger.warning("blob_store_is_away", reason=reason)
        raise BlobStoreIsAway from error
