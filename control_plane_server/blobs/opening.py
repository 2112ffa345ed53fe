"""Opens the store that the settings name."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from obstore.store import LocalStore, S3Store

from control_plane_server.blobs.location import BlobStoreLocation
from control_plane_server.blobs.store import BlobStore
from control_plane_server.domain.errors import Misconfigured

_CONNECT_PATIENCE = timedelta(seconds=3)
_RETRY_PATIENCE = timedelta(seconds=8)
_MOST_RETRIES = 3
# boto renews credentials at the latest 10 minutes before they run out: what is kept of them must not outlive that.
_CREDENTIALS_VALIDITY = timedelta(minutes=5)


def open_blob_store(location: BlobStoreLocation) -> BlobStore:
    """Nothing is asked yet. Raises Misconfigured if there are no credentials or the folder cannot be made."""
    parts = urlsplit(location.url)
    if parts.scheme == "file":
        return _open_folder(Path(unquote(parts.path)))
    return _open_bucket(location, bucket=parts.netloc, prefix=parts.path.strip("/"))


def _open_folder(folder: Path) -> BlobStore:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"CONTROL_PLANE_BLOBS_URL: {folder} cannot be made ({error.strerror})") from error
    return BlobStore(LocalStore(folder), folder=folder)


def _open_bucket(location: BlobStoreLocation, *, bucket: str, prefix: str) -> BlobStore:
    import botocore.session  # noqa: PLC0415 - takes long, and is not needed for a folder
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415

    from control_plane_server.blobs.signatures import S3Signer  # noqa: PLC0415

    session = botocore.session.Session()
    credentials = session.get_credentials()
    if credentials is None:
        raise Misconfigured(f"CONTROL_PLANE_BLOBS_URL: there are no AWS credentials for {location.url}")
    endpoint = (location.endpoint_url or f"https://s3.{location.region}.amazonaws.com").rstrip("/")
    store = S3Store(
        bucket,
        prefix=prefix or None,
        endpoint=endpoint,
        region=location.region,
        credential_provider=Boto3CredentialProvider(session, ttl=_CREDENTIALS_VALIDITY),
        client_options={"allow_http": endpoint.startswith("http:"), "connect_timeout": _CONNECT_PATIENCE},
        retry_config={"max_retries": _MOST_RETRIES, "retry_timeout": _RETRY_PATIENCE},
    )
    base_url = "/".join([endpoint, bucket, *([quote(prefix)] if prefix else [])])
    return BlobStore(store, signer=S3Signer(credentials, region=location.region, base_url=base_url))
