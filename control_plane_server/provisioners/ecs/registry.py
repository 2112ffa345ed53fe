"""Credentials with which users push images to the account's registry."""

import base64
from typing import TYPE_CHECKING

from control_plane_server.domain.containers import RepositoryCredentials
from control_plane_server.domain.platforms import CpuArchitecture
from control_plane_server.provisioners.ecs.calls import translate_errors

if TYPE_CHECKING:
    from types_aiobotocore_ecr import ECRClient


async def repository_credentials(
    ecr: "ECRClient", *, repository_name: str, architecture: CpuArchitecture
) -> RepositoryCredentials:
    """Credentials of Amazon ECR, valid for twelve hours (ECR API reference, "GetAuthorizationToken"). Raises
    Unavailable, Misconfigured."""
    with translate_errors("ecr:GetAuthorizationToken"):
        answer = await ecr.get_authorization_token()
    authorization = answer["authorizationData"][0]
    username, _, password = base64.b64decode(authorization["authorizationToken"]).decode().partition(":")
    return RepositoryCredentials(
        repository_name=repository_name,
        username=username,
        password=password,
        endpoint_url=authorization["proxyEndpoint"],
        platform=architecture.of_images,
    )
