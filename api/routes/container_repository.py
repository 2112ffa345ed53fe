"""Where images are put: pushed to a registry, or copied to a folder. A deployment has one of the two at most."""

from fastapi import Depends, Request

from api.authorization import require_root
from api.errors import documented
from api.routers import new_router
from api.schemas.service import ContainerRepositoryCredentials, ImageFolderInfo, RemovedImages
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.images import images_in_use
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    ContainerRegistryIsNotConfigured,
    FoldersAreNoImages,
    ProjectAlreadyExists,
    ServiceIsUnavailable,
)
from control_plane_server.domain.identifiers import ProjectName

router = new_router(Tag.SERVICE, dependencies=[Depends(require_root)])


@router.get(
    "/container_repository_credentials",
    responses=documented(ApiKeyIsInvalid, ContainerRegistryIsNotConfigured, ServiceIsUnavailable),
)
async def get_container_repository_credentials(request: Request) -> ContainerRepositoryCredentials:
    """What to push images with, and the `platform` to build them for, `linux/amd64` or `linux/arm64`, where their
    function names no CPU architecture."""
    return ContainerRepositoryCredentials.of(await services_of(request).provisioner.repository_credentials())


@router.delete(
    "/projects/{project_name}/images",
    responses=documented(ApiKeyIsInvalid, ProjectAlreadyExists, ContainerRegistryIsNotConfigured, ServiceIsUnavailable),
)
async def delete_project_images(project_name: str, request: Request) -> RemovedImages:
    """Remove from the registry what `control-plane deploy --build` has pushed for a project that is gone. What a
    version of another project names stays. May be repeated."""
    services = services_of(request)
    images = await services.provisioner.built_images(ProjectName(project_name))
    async with services.database.statement() as connection:
        if await ProjectRepository(connection).exists(project_name):
            raise ProjectAlreadyExists
        unused = set(images) - await images_in_use(connection, images)
    await services.provisioner.remove_images(unused)
    return RemovedImages(removed=len(unused))


@router.get("/image_folder", responses=documented(ApiKeyIsInvalid, FoldersAreNoImages, ServiceIsUnavailable))
async def get_image_folder(request: Request) -> ImageFolderInfo:
    """A folder of the server's machine, and the text that the file `.identity` in it holds."""
    return ImageFolderInfo.of(await services_of(request).provisioner.image_folder())
