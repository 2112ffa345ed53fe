"""Where images are pushed: only deployments with a container registry have an answer."""

from fastapi import APIRouter, Depends

from api.authorization import require_root
from api.errors import documented
from api.parameters import InjectedServices
from api.schemas.service import ContainerRepositoryCredentials
from domain.errors import ApiKeyIsInvalid, ContainerRegistryIsNotConfigured, ServiceIsUnavailable

router = APIRouter(dependencies=[Depends(require_root)])


@router.get(
    "/container_repository_credentials",
    responses=documented(ApiKeyIsInvalid, ContainerRegistryIsNotConfigured, ServiceIsUnavailable),
)
async def get_container_repository_credentials(services: InjectedServices) -> ContainerRepositoryCredentials:
    return ContainerRepositoryCredentials.of(await services.provisioner.repository_credentials())
