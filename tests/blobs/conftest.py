"""Stores to test on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane_server.blobs.location import BlobStoreLocation
from control_plane_server.blobs.opening import open_blob_store
from control_plane_server.blobs.store import BlobStore
from tests.blobs.stores import REGION, Bucket, bucket


@pytest.fixture(scope="package")
def s3() -> Iterator[Bucket]:
    with pytest.MonkeyPatch.context() as environment, bucket(environment) as it:
        yield it


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "folder":
        return open_blob_store(BlobStoreLocation(url=(tmp_path / "a folder").as_uri(), region=REGION))
    location: BlobStoreLocation = request.getfixturevalue("s3").location
    own = BlobStoreLocation(
        url=f"{location.url}/{tmp_path.name}", region=location.region, endpoint_url=location.endpoint_url
    )
    return open_blob_store(own)
