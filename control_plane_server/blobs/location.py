"""Which store the settings name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobStoreLocation:
    """`url`: s3://bucket/prefix or file:///folder. `endpoint_url`: of a store that speaks S3 elsewhere than on AWS."""

    url: str
    region: str
    endpoint_url: str | None = None
