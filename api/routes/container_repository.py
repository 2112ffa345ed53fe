"""Where images are pushed: only deployments with a container registry have an answer."""

from fastapi import Depends, Request

from api.authorization import require_root
from api.errors import documented
from api.routers import new_router
from api.schemas.service import ContainerRepositoryCredentials
from api.services import services_of
from domain.errors import ApiKeyIsInvalid, ContainerRegistryIsNotConfigured, ServiceIsUnavailable

router = new_router(dependencies=[Depends(require_root)])


@router.get(
    "/container_repository_credentials",
    responses=documented(ApiKeyIsInvalid, ContainerRegistryIsNotConfigured, ServiceIsUnavailable),
)
async def get_container_repository_credentials(request: Request) -> ContainerRepositoryCredentials:
    return ContainerRepositoryCredentials.of(await services_of(request).provisioner.repository_credentials())
