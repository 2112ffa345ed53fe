"""What a request to S3 needs of IAM. S3 has no actions in its requests: methods, paths and queries say it."""

from collections.abc import Iterator, Mapping

from tests.aws.policies import Need

_OF_OBJECTS = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "POST": "s3:PutObject",  # of a large object, in parts
    "DELETE": "s3:DeleteObject",
}


def object_needs(method: str, path: str, query: Mapping[str, str]) -> Iterator[Need]:
    """`path`: with the bucket as its first part, as requests to an endpoint of one's own have it."""
    bucket, _, key = path.lstrip("/").partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    if key:
        is_abort = method == "DELETE" and "uploadId" in query
        yield Need("s3:AbortMultipartUpload" if is_abort else _OF_OBJECTS[method], f"{arn}/{key}")
    elif method == "POST" and "delete" in query:
        yield Need("s3:DeleteObject", f"{arn}/*")
    else:
        yield Need("s3:ListBucket" if method in ("GET", "HEAD") else f"s3:{method}", arn)
