"""Where images are put: pushed to a registry, or copied to a folder. A deployment has one of the two at most."""

from fastapi import Depends, Request

from api.authorization import require_root
from api.errors import documented
from api.routers import new_router
from api.schemas.service import ContainerRepositoryCredentials, ImageFolderInfo
from api.services import services_of
from api.tags import Tag
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    ContainerRegistryIsNotConfigured,
    FoldersAreNoImages,
    ServiceIsUnavailable,
)

router = new_router(Tag.SERVICE, dependencies=[Depends(require_root)])


@router.get(
    "/container_repository_credentials",
    responses=documented(ApiKeyIsInvalid, ContainerRegistryIsNotConfigured, ServiceIsUnavailable),
)
async def get_container_repository_credentials(request: Request) -> ContainerRepositoryCredentials:
    """What to push images with, and the `platform` to build them for, `linux/amd64` or `linux/arm64`, where their
    function names no CPU architecture."""
    return ContainerRepositoryCredentials.of(await services_of(request).provisioner.repository_credentials())


@router.get("/image_folder", responses=documented(ApiKeyIsInvalid, FoldersAreNoImages, ServiceIsUnavailable))
async def get_image_folder(request: Request) -> ImageFolderInfo:
    """A folder of the server's machine, and the text that the file `.identity` in it holds."""
    return ImageFolderInfo.of(await services_of(request).provisioner.image_folder())
