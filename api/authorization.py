"""Who may call what: root keys everything, an execution's token its own execution and a little of its project."""

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from api.composition import services_of
from catalog.executions import ExecutionRepository
from domain.errors import ApiKeyIsInvalid, Forbidden
from domain.execution_tokens import execution_of_token
from domain.identifiers import ExecutionId


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCaller:
    """Knows a root key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionCaller:
    """Holds the token of an execution, live or not."""

    execution_id: ExecutionId


class _BearerKey(HTTPBearer):
    """Bearer authentication with the texts and the 403 that clients know: newer versions of FastAPI answer 401."""

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials:
        scheme, credentials = get_authorization_scheme_param(request.headers.get("Authorization"))
        if not scheme or not credentials:
            raise Forbidden("Not authenticated")
        if scheme.lower() != "bearer":
            raise Forbidden("Invalid authentication credentials")
        return HTTPAuthorizationCredentials(scheme=scheme, credentials=credentials)


_bearer_key = _BearerKey(scheme_name="HTTPBearer")


async def authenticate(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(_bearer_key)]
) -> RootCaller | ExecutionCaller:
    """Raises Forbidden, ApiKeyIsInvalid."""
    root_keys = services_of(request).root_keys
    presented = credentials.credentials
    # Headers are decoded as Latin-1: this gives back the bytes that were sent.
    is_root = [hmac.compare_digest(presented.encode("latin-1"), key.encode()) for key in root_keys]
    if any(is_root):
        return RootCaller()
    execution_id = execution_of_token(root_keys, presented)
    if execution_id is None:
        raise ApiKeyIsInvalid
    return ExecutionCaller(execution_id=execution_id)


Caller = Annotated[RootCaller | ExecutionCaller, Depends(authenticate)]


async def require_root(caller: Caller) -> None:
    """Raises ApiKeyIsInvalid."""
    if not isinstance(caller, RootCaller):
        raise ApiKeyIsInvalid


async def require_own_execution(caller: Caller, execution_id: str) -> None:
    """A root key, or the token of the execution in the path, as long as the execution exists: no query is needed.

    Raises ApiKeyIsInvalid.
    """
    if isinstance(caller, ExecutionCaller) and caller.execution_id != execution_id:
        raise ApiKeyIsInvalid


async def require_project_member(request: Request, caller: Caller, project_name: str) -> None:
    """A root key, or the token of an execution of this project that is not TERMINATED. Raises ApiKeyIsInvalid."""
    if isinstance(caller, RootCaller):
        return
    async with services_of(request).database.statement() as session:
        own_project = await ExecutionRepository(session).project_of_live(caller.execution_id)
    if own_project != project_name:
        raise ApiKeyIsInvalid
