"""The control plane's REST API as methods, and nothing that any other client could not do."""

import uuid
from types import TracebackType
from typing import Any, TypeVar

from pydantic import ValidationError

from control_plane.access.server import Server
from control_plane.cli.client.answers import (
    Answer,
    ImageFolder,
    Invocation,
    InvocationsPage,
    LogPage,
    Project,
    ProjectsList,
    RepositoryCredentials,
    Version,
    VersionsList,
)
from control_plane.cli.client.errors import Refused, Unreachable
from control_plane.cli.client.references import FunctionPath, InvocationPath, escaped, project_path, version_path
from control_plane.cli.client.transport import Transport

SomeAnswer = TypeVar("SomeAnswer", bound=Answer)
_CONFLICT = 409


class Client:
    """A context in which connections are kept. Every method raises the errors of `control_plane.cli.client.errors`."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.transport = Transport(server)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.transport.close()

    async def projects(self) -> ProjectsList:
        return self._read(ProjectsList, await self._get("/projects"))

    async def project(self, name: str) -> Project:
        return self._read(Project, await self._get(project_path(name)))

    async def ensure_project(self, name: str) -> None:
        """One that exists is as good as a new one."""
        try:
            await self.transport.request("PUT", project_path(name))
        except Refused as error:
            if error.status != _CONFLICT:
                raise

    async def delete_project(self, name: str) -> Project:
        return self._read(Project, await self.transport.request("DELETE", project_path(name)))

    async def create_version(self, project: str, definition: dict[str, Any]) -> Version:
        """Not repeated once it was sent: there would be two."""
        path = f"{project_path(project)}/versions"
        return self._read(Version, await self.transport.request("POST", path, body=definition, may_repeat=False))

    async def version(self, project: str, version: str) -> Version:
        return self._read(Version, await self._get(version_path(project, version)))

    async def versions(self, project: str) -> VersionsList:
        return self._read(VersionsList, await self._get(f"{project_path(project)}/versions"))

    async def invoke(self, path: FunctionPath, input_: str, *, idempotency_key: str | None = None) -> Invocation:
        """Without a key of the caller's it has one of its own, so that it may be repeated."""
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return self._read(
            Invocation, await self.transport.request("POST", str(path), body={"input": input_}, headers=headers)
        )

    async def invocation(self, path: InvocationPath, *, wait_seconds: int = 0) -> Invocation:
        return self._read(Invocation, await self._get(str(path), wait_seconds=wait_seconds))

    async def invocation_by_id(self, invocation_id: str) -> Invocation:
        return self._read(Invocation, await self._get(f"/invocations/{escaped(invocation_id)}"))

    async def invocations(self, path: FunctionPath, **query: str | int) -> InvocationsPage:
        """Newest first. `query`: of the API's endpoint."""
        return self._read(InvocationsPage, await self._get(str(path), **query))

    async def cancel(self, path: InvocationPath) -> Invocation:
        return self._read(Invocation, await self.transport.request("PUT", f"{path}/cancel"))

    async def logs(self, path: InvocationPath, execution_id: str, *, offset: str | None = None) -> LogPage:
        query = {} if offset is None else {"initial_offset": offset}
        return self._read(LogPage, await self._get(f"{path}/executions/{escaped(execution_id)}/logs", **query))

    async def repository_credentials(self) -> RepositoryCredentials:
        return self._read(RepositoryCredentials, await self._get("/container_repository_credentials"))

    async def image_folder(self) -> ImageFolder:
        return self._read(ImageFolder, await self._get("/image_folder"))

    def _read(self, answer: type[SomeAnswer], document: Any) -> SomeAnswer:
        try:
            return answer.model_validate(document)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            raise Unreachable(
                f"{self.server.api_url} (of {self.server.found_in}) answers what this command does not understand "
                f"({'.'.join(map(str, problem['loc']))}: {problem['msg']}); is it a control plane, and as new as this?"
            ) from error

    async def _get(self, path: str, **query: str | int) -> Any:
        return await self.transport.request("GET", path, query=query)
