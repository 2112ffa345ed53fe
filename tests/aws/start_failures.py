"""Why tasks do not start, in AWS's words, with the addresses and names that are in them.

`{image}` is the task's image, `{host}`, `{repository}` and `{tag}` are its parts, `{subnet}` is a subnet.
"""

_PULL = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: "
_HEAD = _PULL + "unexpected status from HEAD request to https://{host}/v2/{repository}/manifests/{tag}: "
_LAYERS = (
    "https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/7f0c2d-123456789012-1b6a/"
    "0d1a9f7c?X-Amz-Security-Token=x&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600"
)

NO_SUCH_IMAGE = _PULL + "{image}: not found"
NO_SUCH_PLATFORM = (
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain "
    "descriptor matching platform 'linux/{platform}'"
)
REGISTRY_FORBIDS = _HEAD + "403 Forbidden"

# What passes by itself, and takes about one start in a hundred.
NO_INTERFACE = "Timeout waiting for network interface provisioning to complete."
NO_REASON = "Task failed to start"
INTERFACE_IS_LATE = "InternalError: Network interface attachment was reported too late"
SUBNET_IS_FULL = (
    "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment enabled in subnet "
    "'{subnet}': InsufficientFreeAddressesInSubnet"
)
REGISTRY_IS_AWAY = _HEAD + "502 Bad Gateway"
PULL_BREAKS = (
    "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: "
    f'failed to do request: Get "{_LAYERS}": EOF'
)
PASSING = (NO_INTERFACE, NO_REASON, INTERFACE_IS_LATE, REGISTRY_IS_AWAY, PULL_BREAKS)

# What an operator has to mend, and what comes again until then.
NO_ROUTE_TO_ECR = (
    "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from "
    "Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. "
    'RequestError: send request failed caused by: Post "https://api.ecr.us-east-1.amazonaws.com/": dial tcp '
    "52.46.145.233:443: i/o timeout"
)
NO_ROUTE_TO_LAYERS = (
    "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: "
    f'failed to do request: Get "{_LAYERS}": dial tcp 52.217.96.10:443: i/o timeout'
)


def happens_while_pulling(reason: str) -> bool:
    """Then the task has containers; before it has none."""
    return reason.startswith("CannotPull")


def in_full(reason: str, *, image: str, platform: str = "amd64", subnet: str = "subnet-0") -> str:
    """The text, with the image's full name where it names the image."""
    host, repository, tag = _parts(image)
    names = {"image": f"{host}/{repository}:{tag}", "host": host, "repository": repository, "tag": tag}
    for name, value in {**names, "platform": platform, "subnet": subnet}.items():
        reason = reason.replace("{" + name + "}", value)
    return reason


def _parts(image: str) -> tuple[str, str, str]:
    """As registries have them."""
    host, slash, repository = image.partition("/")
    if not slash or not ("." in host or ":" in host):
        host, repository = "docker.io", image if slash else f"library/{image}"
    name, colon, tag = repository.rpartition(":")
    return (host, name, tag) if colon else (host, repository, "latest")
