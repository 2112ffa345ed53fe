"""Where blobs are kept. Credentials are read by boto itself."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_settings import BaseSettings, SettingsConfigDict

from control_plane_server.blobs.location import BlobStoreLocation

_DEFAULT_REGION = "us-east-1"


def _store_url(value: str) -> str:
    parts = urlsplit(value)
    is_bucket = parts.scheme == "s3" and parts.netloc
    is_folder = parts.scheme == "file" and parts.netloc in ("", "localhost") and len(parts.path) > 1
    if parts.query or parts.fragment or not (is_bucket or is_folder):
        raise ValueError("must be s3://bucket, s3://bucket/prefix or file:///folder")
    return value


class BlobSettings(BaseSettings):
    """CONTROL_PLANE_BLOBS_URL, and AWS's own names for where S3 is. Without the former there is no store."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    control_plane_blobs_url: Annotated[str, AfterValidator(_store_url)] | None = None
    aws_region: str | None = None
    aws_default_region: str | None = None
    aws_endpoint_url: str | None = None
    aws_endpoint_url_s3: str | None = None

    @property
    def location(self) -> BlobStoreLocation | None:
        if self.control_plane_blobs_url is None:
            return None
        return BlobStoreLocation(
            url=self.control_plane_blobs_url,
            region=self.aws_region or self.aws_default_region or _DEFAULT_REGION,
            endpoint_url=self.aws_endpoint_url_s3 or self.aws_endpoint_url,
        )
