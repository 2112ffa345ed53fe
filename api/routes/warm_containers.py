"""/containers/…: what containers ask that outlive an execution: which one is the next."""

from functools import partial

from fastapi import Depends, Request

from api.authorization import require_own_container, require_token_of
from api.errors import documented
from api.execution_secrets import read_values
from api.keyed_routes import while_waiting
from api.routers import new_router
from api.schemas.warm_containers import ContainerEnvironment, NextInfo, NextRequest
from api.services import services_of
from api.tags import Tag
from control_plane_server.catalog.warm_containers.polls import PollRepository
from control_plane_server.domain.errors import (
    ApiKeyIsInvalid,
    BodyIsTooLarge,
    SecretIsMissing,
    SecretsAreUnreadable,
    ServiceIsUnavailable,
    TooManyPolls,
    TooManyRequests,
    WarmContainerDoesNotExist,
)
from control_plane_server.domain.identifiers import WarmContainerId

_CONTAINER = "/containers/{container_id}"

router = new_router(
    Tag.CONTAINERS,
    dependencies=[Depends(require_own_container)],
    responses=documented(ApiKeyIsInvalid, ServiceIsUnavailable, TooManyRequests),
)


@router.post(_CONTAINER + "/next", responses=documented(BodyIsTooLarge, TooManyPolls))
async def next_execution(container_id: str, said: NextRequest, request: Request) -> NextInfo:
    """Say what is over in the container, and ask for its next execution. The answer comes when there is something to
    do, at the latest after 20 seconds. May be repeated: what was answered once is answered again until it is over."""
    services = services_of(request)
    if said.report is not None and said.ended is not None:
        require_token_of(services.root_keys, said.report.token, *said.ended.to_domain())
    told = await services.warm_polls.next(
        WarmContainerId(container_id),
        ended=None if said.ended is None else said.ended.to_ended(),
        report=None if said.report is None else said.report.to_report(),
        running=None if said.running is None else said.running.to_domain(),
        parked=partial(while_waiting, request),
    )
    return NextInfo.of(told, signing_key=services.root_keys[0])


@router.get(
    _CONTAINER + "/environment",
    responses=documented(WarmContainerDoesNotExist, SecretIsMissing, SecretsAreUnreadable),
)
async def get_container_environment(container_id: str, request: Request) -> ContainerEnvironment:
    """The values of the secrets that the function names, for what the container does before it has an execution, and
    how long that may take."""
    services = services_of(request)
    async with services.database.statement() as connection:
        function = await PollRepository(connection).function_of(WarmContainerId(container_id))
        limit = function.import_limit
        return ContainerEnvironment(
            secrets=await read_values(connection, function.project_name, function.secrets, keys=services.secret_keys),
            import_limit_seconds=None if limit is None else limit.total_seconds(),
        )
