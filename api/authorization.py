"""Who may call what: root keys everything, an execution's token its own execution and a little of its project."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi import models
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param

from api.services import services_of
from control_plane_server.catalog.execution_lifecycle.reports import ExecutionRepository
from control_plane_server.domain.errors import ApiKeyIsInvalid, Forbidden
from control_plane_server.domain.execution_tokens import container_of_token, execution_of_token
from control_plane_server.domain.identifiers import ExecutionId, WarmContainerId


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCaller:
    """The request has a root key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionCaller:
    """The request has the token of an execution, which may have ended or not exist. `launch`: the one that the token is
    of; None: of all of them."""

    execution_id: ExecutionId
    launch: int | None = None

    @property
    def holder(self) -> str:
        """Whose share of the process its requests take."""
        return self.execution_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCaller:
    """The request has the token of a warm container, which may have ended or not exist."""

    container_id: WarmContainerId

    @property
    def holder(self) -> str:
        """As `ExecutionCaller.holder`."""
        return self.container_id


Caller = RootCaller | ExecutionCaller | ContainerCaller

# Keys in a request's scope: for its caller, and for the checks that it has passed.
_CALLER = "control_plane.caller"
_PASSED = "control_plane.passed"
_WARM_PREFIX = "con-"


class KeyOf(SecurityBase):
    """Dependency: the caller, by the bearer key in the request, once a check lets it pass.

    The route calls it before FastAPI reads the body, and FastAPI calls it again: the result is kept in the request's
    scope. It is one dependency without parameters, as FastAPI's handling of more costs more than the check itself.
    Texts and status 403 are those of the contract: FastAPI's own bearer authentication answers 401.
    """

    def __init__(self, check: Callable[[Caller, Request], Awaitable[None]]) -> None:
        self.model = models.HTTPBearer()
        self.scheme_name = "HTTPBearer"
        self._check = check

    async def __call__(self, request: Request) -> Caller:
        """Raises Forbidden, ApiKeyIsInvalid."""
        caller = caller_of(request)
        passed: set[KeyOf] = request.scope.setdefault(_PASSED, set())
        if self not in passed:
            await self._check(caller, request)
            passed.add(self)
        return caller


def caller_of(request: Request) -> Caller:
    """Whose key the request has, whatever it permits. Raises Forbidden, ApiKeyIsInvalid."""
    caller: Caller | None = request.scope.get(_CALLER)
    if caller is None:
        caller = _authenticate(services_of(request).root_keys, request.headers.get("Authorization"))
        request.scope[_CALLER] = caller
    return caller


def matching_root_key(root_keys: tuple[str, ...], presented: bytes) -> str | None:
    """The root key that these bytes are; None if they are none. Compares in constant time."""
    matches = [key for key in root_keys if hmac.compare_digest(presented, key.encode())]
    return matches[0] if matches else None


def _authenticate(root_keys: tuple[str, ...], authorization: str | None) -> Caller:
    scheme, presented = get_authorization_scheme_param(authorization)
    if not scheme or not presented:
        raise Forbidden("Not authenticated")
    if scheme.lower() != "bearer":
        raise Forbidden("Invalid authentication credentials")
    # Headers were decoded as Latin-1: encoding them so gives the bytes that were sent.
    if matching_root_key(root_keys, presented.encode("latin-1")) is not None:
        return RootCaller()
    if presented.startswith(_WARM_PREFIX):
        container_id = container_of_token(root_keys, presented)
        if container_id is None:
            raise ApiKeyIsInvalid
        return ContainerCaller(container_id=container_id)
    owner = execution_of_token(root_keys, presented)
    if owner is None:
        raise ApiKeyIsInvalid
    return ExecutionCaller(execution_id=owner.execution_id, launch=owner.launch)


def require_token_of(root_keys: tuple[str, ...], token: str, execution_id: ExecutionId, launch: int) -> None:
    """Raises ApiKeyIsInvalid unless the token is of this launch."""
    owner = execution_of_token(root_keys, token)
    if owner is None or (owner.execution_id, owner.launch) != (execution_id, launch):
        raise ApiKeyIsInvalid


async def _is_root(caller: Caller, _: Request) -> None:
    if not isinstance(caller, RootCaller):
        raise ApiKeyIsInvalid


async def _is_own_execution(caller: Caller, request: Request) -> None:
    if isinstance(caller, RootCaller):
        return
    if not isinstance(caller, ExecutionCaller) or caller.execution_id != request.path_params["execution_id"]:
        raise ApiKeyIsInvalid


async def _is_own_execution_alone(caller: Caller, request: Request) -> None:
    if not isinstance(caller, ExecutionCaller):
        raise ApiKeyIsInvalid
    await _is_own_execution(caller, request)


async def _is_project_member(caller: Caller, request: Request) -> None:
    if isinstance(caller, RootCaller):
        return
    if not isinstance(caller, ExecutionCaller):
        raise ApiKeyIsInvalid
    async with services_of(request).database.statement() as connection:
        own_project = await ExecutionRepository(connection).project_of_live(caller.execution_id, caller.launch)
    if own_project != request.path_params["project_name"]:
        raise ApiKeyIsInvalid


async def _is_anyone(caller: Caller, _request: Request) -> None:
    if isinstance(caller, ContainerCaller):
        raise ApiKeyIsInvalid


async def _is_own_container(caller: Caller, request: Request) -> None:
    if not isinstance(caller, ContainerCaller) or caller.container_id != request.path_params["container_id"]:
        raise ApiKeyIsInvalid


require_root = KeyOf(_is_root)
# Any root key, or the token of any execution, ended or not: the route checks further.
require_key = KeyOf(_is_anyone)
# A root key, or the token of the execution in the path, as long as the execution exists: no query is needed.
require_own_execution = KeyOf(_is_own_execution)
# The token of the execution in the path and no other key: for what nobody but its container may read.
require_own_execution_alone = KeyOf(_is_own_execution_alone)
# A root key, or the token of an execution of the project in the path that is not TERMINATED.
require_project_member = KeyOf(_is_project_member)
# The token of the warm container in the path and no other key.
require_own_container = KeyOf(_is_own_container)

ProjectMember = Annotated[Caller, Depends(require_project_member)]
