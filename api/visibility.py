"""What is asked for by its id alone: of a project that the key may not see, it does not exist."""

from api.authorization import Caller, ExecutionCaller
from control_plane_server.catalog.database import StatementConnection
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.domain.errors import ApiKeyIsInvalid, NotFound
from control_plane_server.domain.identifiers import ProjectName


async def project_seen_by(caller: Caller, connection: StatementConnection) -> ProjectName | None:
    """The only project that the key may see; None for root keys, which see all. Raises ApiKeyIsInvalid."""
    if not isinstance(caller, ExecutionCaller):
        return None
    own_project = await ExecutionRepository(connection).project_of_live(caller.execution_id, caller.launch)
    if own_project is None:
        raise ApiKeyIsInvalid
    return own_project


def require_seen(project: ProjectName, seen: ProjectName | None, missing: type[NotFound]) -> None:
    """Raises `missing`."""
    if seen is not None and project != seen:
        raise missing
