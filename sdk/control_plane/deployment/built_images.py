"""How an image that is built here is called, and for which CPU it is. Names are those that Amazon ECR and ECS take:
"Image" in the API reference of ECS, and the tags of the distribution specification."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from control_plane.access.errors import CannotBeDone

_ILLEGAL = re.compile(r"[^A-Za-z0-9_.-]+")
_ILLEGAL_FIRST = re.compile(r"^[.-]+")
_DIGEST_LENGTH = 8
_IMAGE_ID = re.compile(r"[0-9a-f]{12}")
_LONGEST_REFERENCE = 255
_PLATFORMS = {"X86_64": "linux/amd64", "ARM64": "linux/arm64"}


def tag_of(project: str, image_id: str) -> str:
    """A tag, which tells whose image it is. Names of projects that no tag can have are changed, and a digest tells them
    from those that are called so."""
    return f"{_shown(project)}-{image_id}"


def is_tag_of(project: str, tag: str) -> bool:
    """Whether it is one that `tag_of` gives, for whichever image."""
    shown, _, image_id = tag.rpartition("-")
    return shown == _shown(project) and _IMAGE_ID.fullmatch(image_id) is not None


def _shown(project: str) -> str:
    shown = _ILLEGAL_FIRST.sub("", _ILLEGAL.sub("-", project))
    if shown == project:
        return project
    return f"{shown or 'project'}.{hashlib.sha256(project.encode()).hexdigest()[:_DIGEST_LENGTH]}"


def ensure_legal(reference: str) -> None:
    """Raises CannotBeDone for an image's name that is too long for ECS."""
    if len(reference) > _LONGEST_REFERENCE:
        raise CannotBeDone(
            f"the image's name {reference} has {len(reference)} characters, of which ECS takes {_LONGEST_REFERENCE}; "
            "an operator can name a repository with a shorter name"
        )


def platform_for(functions: Sequence[Mapping[str, Any]], default: str | None) -> str | None:
    """What to build the image for, as `docker build --platform` takes it; None: this machine.

    `functions`: FunctionSpecs; those with an image of their own do not run it. `default`: what the control plane says
    that its containers need. Raises CannotBeDone if the functions need different ones.
    """
    specs = [function for function in functions if function.get("docker_image_override") is None]
    wanted = [(function.get("platform") or {}).get("cpu_architecture") for function in specs]
    platforms = {default if architecture is None else _PLATFORMS.get(architecture) for architecture in wanted}
    platforms = (platforms - {None}) or {default}
    if len(platforms) > 1:
        raise CannotBeDone(
            f"the functions need an image for {' and for '.join(sorted(map(str, platforms)))}, and --build makes one "
            "for one of them; give each its own folder, or name an image for both with --image"
        )
    return platforms.pop()
