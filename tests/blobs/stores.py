"""Stores of both kinds: a folder, and a bucket on moto's S3 server."""

import hashlib
import logging
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import pytest
from moto.server import ThreadedMotoServer

from control_plane_server.blobs.location import BlobStoreLocation

REGION = "eu-west-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    server: ThreadedMotoServer
    location: BlobStoreLocation


@contextmanager
def bucket(environment: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A new one, with credentials for it in the environment."""
    environment.setenv("AWS_ACCESS_KEY_ID", "key")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        name = f"blobs-{uuid.uuid4().hex}"  # moto's are of the whole process
        httpx2.put(f"{url}/{name}", trust_env=False).raise_for_status()
        yield Bucket(
            server=server,
            location=BlobStoreLocation(url=f"s3://{name}/some prefix/of ours", region=REGION, endpoint_url=url),
        )
    finally:
        server.stop()


def blob_id(number: int) -> str:
    return f"blb-{number:032x}"


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
