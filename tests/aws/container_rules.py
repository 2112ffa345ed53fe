"""What ECS refuses in the containers of a task definition: names, images and variables."""

import re

from tests.aws.errors import client_error
from tests.aws.wire import Document

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_IMAGE = re.compile(r"[A-Za-z0-9_:./#@-]+")
_REPOSITORY = re.compile(r"(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*/?)+")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LONGEST_IMAGE = 255


def check(definition: Document) -> None:
    """Raises AwsError."""
    containers = definition.get("containerDefinitions", [])
    names = [container.get("name") or "" for container in containers]
    if not names:
        raise client_error("Container definitions should not be null or empty.")
    if len(set(names)) < len(names):
        raise client_error("Container names within a task definition must be unique.")
    for name in (*names, *(volume.get("name") or "" for volume in definition.get("volumes", []))):
        if not _NAME.fullmatch(name):
            raise client_error("Container.name contains invalid characters.")
    for container in containers:
        _check_image(container.get("image") or "")
        _check_variables(container)


def _check_image(image: str) -> None:
    if not image:
        raise client_error("Container.image should not be null or empty.")
    if len(image) > _LONGEST_IMAGE:
        raise client_error(f"Container.image can have at most {_LONGEST_IMAGE} characters.")
    rest, _, digest = image.partition("@")
    host, slash, path = rest.partition("/")
    repository = path if slash and ("." in host or ":" in host) else rest
    repository, colon, tag = repository.partition(":")
    is_legal = (
        _IMAGE.fullmatch(image)
        and _REPOSITORY.fullmatch(repository)
        and (not colon or _TAG.fullmatch(tag))
        and (not digest or re.fullmatch(r"sha256:[0-9a-f]{64}", digest))
    )
    if not is_legal:
        raise client_error("Container.image contains invalid characters.")


def _check_variables(container: Document) -> None:
    names = [entry.get("name") or "" for entry in (*container.get("environment", []), *container.get("secrets", []))]
    if not all(names):
        raise client_error("Environment variable name should not be null or empty.")
    both = {entry["name"] for entry in container.get("environment", [])} & {
        entry["name"] for entry in container.get("secrets", [])
    }
    if both:
        raise client_error(
            f"The secret name must be unique and not shared with any new or existing environment: {both}"
        )
