"""Images of functions in the account's registry: found by their tags, removed when nobody names them any more."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from control_plane.deployment.built_images import is_tag_of

from control_plane_server.domain.errors import Misconfigured
from control_plane_server.provisioners.ecs.calls import translate_errors
from control_plane_server.provisioners.watcher import batches

if TYPE_CHECKING:
    from types_aiobotocore_ecr import ECRClient

_MOST_AT_ONCE = 100  # ECR API reference, "BatchDeleteImage"
_IS_GONE = "ImageNotFound"


async def tags_of_project(ecr: "ECRClient", *, repository_name: str, project_name: str) -> list[str]:
    """Raises Unavailable, Misconfigured."""
    tags: list[str] = []
    with translate_errors("ecr:ListImages"):
        pages = ecr.get_paginator("list_images").paginate(
            repositoryName=repository_name, filter={"tagStatus": "TAGGED"}
        )
        async for page in pages:
            tags += [image["imageTag"] for image in page["imageIds"] if is_tag_of(project_name, image["imageTag"])]
    return tags


async def remove_tags(ecr: "ECRClient", *, repository_name: str, tags: Collection[str]) -> None:
    """An image goes with its last tag. Raises Unavailable, Misconfigured, at the end if one cannot be removed."""
    problems: list[str] = []
    for some in batches(sorted(tags), _MOST_AT_ONCE):
        with translate_errors("ecr:BatchDeleteImage"):
            answer = await ecr.batch_delete_image(
                repositoryName=repository_name, imageIds=[{"imageTag": tag} for tag in some]
            )
        problems += [
            f"{failure.get('imageId', {}).get('imageTag')}: {failure.get('failureReason')}"
            for failure in answer["failures"]
            if failure.get("failureCode") != _IS_GONE
        ]
    if problems:
        raise Misconfigured(f"ECR does not remove {len(problems)} images, for example {problems[0]}")
