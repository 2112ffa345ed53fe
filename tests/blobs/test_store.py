"""A folder and a bucket are the same store."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from control_plane_server.blobs import folders
from control_plane_server.blobs.location import BlobStoreLocation
from control_plane_server.blobs.opening import open_blob_store
from control_plane_server.blobs.store import BlobStore
from control_plane_server.domain.errors import BlobStoreIsAway, Misconfigured
from tests.blobs.stores import REGION, Bucket, blob_id, bucket, pieces, sha256

KEY = blob_id(1)
LARGE = bytes(range(256)) * 4 * 1024 * 9  # more than a part


async def content(store: BlobStore, key: str) -> bytes:
    return b"".join([piece async for piece in store.read(key)])


@pytest.mark.parametrize("whole", [b"", b"a few bytes", LARGE])
async def test_what_is_put_is_there(store: BlobStore, whole: bytes) -> None:
    await store.put(KEY, pieces(whole[:5], whole[5:]))
    assert await store.size(KEY) == len(whole)
    assert await content(store, KEY) == whole


async def test_what_breaks_off_leaves_nothing(store: BlobStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield LARGE
        raise ConnectionResetError("the client is gone")

    with pytest.raises((ConnectionResetError, BlobStoreIsAway)):
        await store.put(KEY, broken())
    assert await store.size(KEY) is None
    assert await store.page(after="") == []
    with pytest.raises(FileNotFoundError):
        await content(store, KEY)


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: BlobStore) -> None:
    await store.put(KEY, pieces(b"x"))
    for _ in range(2):
        await store.delete(KEY)
    assert await store.size(KEY) is None


async def test_pages_go_through_all_in_order(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control_plane_server.blobs.store._PAGE", 2)
    assert await store.is_of("me")
    for number in (3, 1, 2):
        await store.put(blob_id(number), pieces(b"x" * number))
    found: list[tuple[str, int]] = []
    while page := await store.page(after=found[-1][0] if found else ""):
        found += [(each.key, each.size) for each in page]
    assert found == [(blob_id(1), 1), (blob_id(2), 2), (blob_id(3), 3)]


async def test_a_store_is_of_whoever_was_there_first(store: BlobStore) -> None:
    assert await store.is_of("me")
    assert await store.is_of("me")
    assert not await store.is_of("another")


async def test_two_that_come_at_once_do_not_both_get_a_store(store: BlobStore) -> None:
    names = [f"installation {number}" for number in range(4)]
    assert sorted(await asyncio.gather(*map(store.is_of, names))) == [False, False, False, True]


async def test_what_is_not_ours_is_not_seen(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control_plane_server.blobs.store._PAGE", 2)
    nested = blob_id(2)
    theirs = ("a file", "blb-0000", f"blb-/{nested}", "blb-a/x", f"{KEY}.txt", f"other/{nested}", "zebra")
    for key in (*theirs, KEY):
        await store.put(key, pieces(b"x"))
    assert [each.key for each in await store.page(after="")] == [KEY]
    assert await store.page(after=KEY) == []


async def test_a_signed_upload_names_its_size_and_checksum(s3: Bucket) -> None:
    store = open_blob_store(s3.location)
    assert store.signer is not None
    upload = await store.signer.upload(KEY, size=5, sha256=sha256(b"hello"))
    assert "SignedHeaders=content-length%3Bhost%3Bx-amz-checksum-sha256" in upload.url
    assert upload.headers["x-amz-checksum-sha256"] == base64.b64encode(bytes.fromhex(sha256(b"hello"))).decode()
    async with httpx2.AsyncClient(trust_env=False) as anybody:
        assert (await anybody.put(upload.url, content=b"hello", headers=upload.headers)).status_code == 200
        download = await store.signer.download(KEY)
        assert (await anybody.get(download.url)).content == b"hello"
    assert await store.size(KEY) == 5


async def test_a_bucket_that_does_not_answer_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with bucket(monkeypatch) as it:
        store = open_blob_store(it.location)
        await store.put(KEY, pieces(b"x"))
    for ask in (store.size(KEY), store.page(after=""), store.put(KEY, pieces(b"x")), content(store, KEY)):
        with pytest.raises(BlobStoreIsAway):
            await ask


async def test_a_bucket_that_does_not_exist_is_away(s3: Bucket) -> None:
    store = open_blob_store(
        BlobStoreLocation(url="s3://no-such-bucket", region=REGION, endpoint_url=s3.location.endpoint_url)
    )
    with pytest.raises(BlobStoreIsAway):
        await store.page(after="")


async def test_without_credentials_there_is_no_bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(Misconfigured, match="no AWS credentials"):
        open_blob_store(BlobStoreLocation(url="s3://bucket", region=REGION))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=r"CONTROL_PLANE_BLOBS_URL: .*file/folder cannot be made"):
        open_blob_store(BlobStoreLocation(url=(tmp_path / "file" / "folder").as_uri(), region=REGION))


def test_what_killed_uploads_left_is_swept_once_it_is_old(tmp_path: Path) -> None:
    old, new, whole = (tmp_path / name for name in (f"{KEY}#1", f"{blob_id(2)}#1", blob_id(3)))
    theirs = [tmp_path / name for name in ("notes#1", f"{KEY}#draft", "blb-notes#1", f"{KEY}.txt", "zebra")]
    for file in (old, new, whole, *theirs):
        file.write_bytes(b"x")
        os.utime(file, None if file == new else (0, 0))
    assert folders.sweep(tmp_path, older_than=timedelta(days=1)) == 1
    assert set(tmp_path.iterdir()) == {new, whole, *theirs}
    assert [each.key for each in folders.page(tmp_path, after="", at_most=10)] == [blob_id(3)]
