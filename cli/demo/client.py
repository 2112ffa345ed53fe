"""The REST calls of the demo, and nothing that any other client could not do."""

from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel

from cli.demo.answers import Invocation, InvocationsPage, ListedInvocation, Logs, Version
from cli.demo.errors import DemoFailed
from cli.stack.access import StackAccess

Answer = TypeVar("Answer", bound=BaseModel)
_CONFLICT = 409


class ProjectClient:
    """One project of a control plane; calls are of the version that was deployed last. Raises DemoFailed."""

    def __init__(self, access: StackAccess, project: str) -> None:
        self._path = f"/projects/{project}"
        self._version = "latest"
        self._http = httpx2.AsyncClient(
            base_url=access.api_url,
            headers={"Authorization": f"Bearer {access.api_key}"},
            timeout=30.0,
            trust_env=False,  # a proxy has no business between us and this machine
        )

    async def __aenter__(self) -> "ProjectClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def create(self) -> None:
        """One that exists is as good as a new one."""
        response = await self._http.put(self._path)
        if response.status_code != _CONFLICT:
            _check(response)

    async def deploy(self, definition: dict[str, object]) -> Version:
        version = await self._post("/versions", definition, Version)
        self._version = version.version_id
        return version

    async def version(self) -> Version:
        return await self._get(f"/versions/{self._version}", Version)

    async def invoke(self, function: str, input_: str) -> Invocation:
        return await self._post(self._invocations(function), {"input": input_}, Invocation)

    async def invocation(self, function: str, invocation_id: str) -> Invocation:
        return await self._get(f"{self._invocations(function)}/{invocation_id}", Invocation)

    async def children(self, function: str, parent: Invocation) -> list[ListedInvocation]:
        """The parent's invocations of the function, newest first; the first page will do for a demo."""
        page = await self._get(
            self._invocations(function),
            InvocationsPage,
            parent_function_name=parent.function_name,
            parent_invocation_id=parent.invocation_id,
        )
        return page.invocations

    async def logs(self, invocation: Invocation) -> list[str]:
        """Of the latest attempt."""
        if invocation.latest is None:
            return []
        path = f"{self._invocations(invocation.function_name)}/{invocation.invocation_id}"
        return (await self._get(f"{path}/executions/{invocation.latest.execution_id}/logs", Logs)).log_lines

    def _invocations(self, function: str) -> str:
        return f"/versions/{self._version}/functions/{function}/invocations"

    async def _get(self, path: str, answer: type[Answer], **query: str) -> Answer:
        return answer.model_validate(_check(await self._http.get(self._path + path, params=query)))

    async def _post(self, path: str, body: dict[str, object], answer: type[Answer]) -> Answer:
        return answer.model_validate(_check(await self._http.post(self._path + path, json=body)))


def _check(response: httpx2.Response) -> Any:
    if not response.is_success:
        raise DemoFailed(
            f"{response.request.method} {response.request.url} answered {response.status_code}: {response.text}"
        )
    return response.json()
