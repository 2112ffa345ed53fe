"""/projects/…/secrets: set, listed, unset; and encrypted anew, all at once. No value is answered."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from api.authorization import require_root
from api.errors import documented
from api.project_names import ensure_creatable
from api.routers import new_router
from api.schemas.secrets import RotationInfo, SecretDefinition, SecretInfo, SecretsListForProject
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.encrypted_values import EncryptedValueRepository
from control_plane_server.catalog.projects import ProjectRepository
from control_plane_server.catalog.secrets import SecretRepository
from control_plane_server.domain.bounds import MAX_SECRET_NAME_LENGTH, MAX_SECRETS_PER_PAGE
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BodyIsTooLarge,
    OffsetIsInvalid,
    ProjectDoesNotExist,
    ProjectIsBeingDeleted,
    ProjectNameIsTooLong,
    SecretDoesNotExist,
    SecretsAreNotConfigured,
    ServiceIsUnavailable,
)

_SECRETS = "/projects/{project_name}/secrets"
_SECRET = _SECRETS + "/{secret_name}"
_ROTATED_AT_ONCE = 100

# As `domain.environments.is_secret_name`.
NewSecretName = Annotated[str, Path(max_length=MAX_SECRET_NAME_LENGTH, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]

router = new_router(
    Tag.SECRETS, dependencies=[Depends(require_root)], responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable)
)


@router.put(
    _SECRET,
    responses=documented(
        ProjectDoesNotExist, ProjectIsBeingDeleted, ProjectNameIsTooLong, BodyIsTooLarge, SecretsAreNotConfigured
    ),
)
async def set_secret(
    *,
    project_name: str,
    secret_name: NewSecretName,
    definition: SecretDefinition,
    request: Request,
    create_project: bool = False,
) -> SecretInfo:
    """Set a secret's value, whether it is new or not: containers that start from now on get it. With `create_project`,
    the project is made if need be."""
    services = services_of(request)
    if create_project:
        ensure_creatable(project_name)
    async with services.database.transaction() as connection:
        if create_project:
            await ProjectRepository(connection).ensure(project_name)
        return SecretInfo.of(
            await SecretRepository(connection).put(
                project_name, secret_name, definition.value, keys=services.secret_keys
            )
        )


@router.get(_SECRETS, responses=documented(ProjectDoesNotExist, OffsetIsInvalid))
async def list_secrets(
    *,
    project_name: str,
    request: Request,
    max_results: Annotated[int, Query(ge=0)] = MAX_SECRETS_PER_PAGE,
    initial_offset: str | None = None,
) -> SecretsListForProject:
    """A project's secrets, newest first, page by page: `next_offset` is the next page's `initial_offset`."""
    async with services_of(request).database.statement() as connection:
        page = await SecretRepository(connection).list_of_project(
            project_name, offset=initial_offset, max_results=min(max_results, MAX_SECRETS_PER_PAGE)
        )
    return SecretsListForProject.of(project_name, page)


@router.get(_SECRET, responses=documented(ProjectDoesNotExist, SecretDoesNotExist))
async def get_secret(project_name: str, secret_name: str, request: Request) -> SecretInfo:
    """When a secret was set."""
    async with services_of(request).database.statement() as connection:
        return SecretInfo.of(await SecretRepository(connection).get(project_name, secret_name))


@router.delete(_SECRET, responses=documented(ProjectDoesNotExist, SecretDoesNotExist))
async def delete_secret(project_name: str, secret_name: str, request: Request) -> SecretInfo:
    """Unset a secret, also one that functions name: what starts from now on fails with a line that names it, until it
    is set again."""
    async with services_of(request).database.statement() as connection:
        return SecretInfo.of(await SecretRepository(connection).delete(project_name, secret_name))


@router.post("/secrets/rotate", responses=documented(SecretsAreNotConfigured))
async def rotate_secrets(request: Request) -> RotationInfo:
    """Encrypt up to 100 values of secrets, and as many that sign webhooks, with the first key that are encrypted with
    another, of any project. To be repeated until none remains; then the other keys may go."""
    services = services_of(request)
    async with services.database.transaction() as connection:
        return RotationInfo.of(
            await EncryptedValueRepository(connection).rotate(keys=services.secret_keys, at_most=_ROTATED_AT_ONCE)
        )
