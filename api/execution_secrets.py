"""The secrets of one execution, for its container."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository, is_overtaken
from control_plane_server.catalog.paths import ExecutionPath
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.secrets import SecretRepository
from control_plane_server.domain.entities import ContainerStatus
from control_plane_server.domain.environments import stored
from control_plane_server.domain.errors import (
    ExecutionHasAlreadyFinished,
    ExecutionIsAlreadyTerminated,
    SecretIsMissing,
)
from control_plane_server.domain.identifiers import ProjectName
from control_plane_server.domain.secrets import missing_secret_text


async def read_secrets(connection: AsyncConnection, path: ExecutionPath, *, keys: SecretKeys) -> dict[str, str]:
    """Values by the names of their variables. Raises NotFound of what is missing of the path,
    ExecutionHasAlreadyFinished, ExecutionIsAlreadyTerminated, SecretIsMissing, SecretsAreUnreadable."""
    detail = await ExecutionRepository(connection).get(path)
    if detail.execution.container_status is ContainerStatus.TERMINATED or is_overtaken(path, detail.execution):
        raise ExecutionIsAlreadyTerminated
    if detail.execution.execution_finish_time is not None:
        raise ExecutionHasAlreadyFinished
    function = detail.function
    return await read_values(connection, function.ref.project_name, function.secrets, keys=keys)


async def read_values(
    connection: AsyncConnection, project_name: ProjectName, secrets: Mapping[str, str], *, keys: SecretKeys
) -> dict[str, str]:
    """Of those that a function names, `secrets`. Raises SecretIsMissing, SecretsAreUnreadable."""
    wanted = stored(secrets)
    if not wanted:
        return {}
    values = await SecretRepository(connection).values(project_name, set(wanted.values()), keys=keys)
    missing = set(wanted.values()) - set(values)
    if missing:
        raise SecretIsMissing(missing_secret_text(project_name, wanted, missing))
    return {variable: values[name] for variable, name in wanted.items()}
