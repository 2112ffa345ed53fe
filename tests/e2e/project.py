"""A project of the control plane under test, over plain HTTP as any client uses it."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
from control_plane.access.local_stacks import StackAccess

FUNCTIONS = Path(__file__).parent / "functions"
PROGRAMS = Path(__file__).parent / "programs"  # no Python, nothing of ours
Json = dict[str, Any]


class Project:
    """`image`: how the stack's provisioner names the image that a folder of functions makes."""

    def __init__(self, access: StackAccess, name: str, *, image: Callable[[Path], str] = Path.as_uri) -> None:
        self.name = name
        self._image = image
        self.http = httpx2.AsyncClient(
            base_url=access.api_url,
            headers={"Authorization": f"Bearer {access.api_key}"},
            timeout=70.0,
            trust_env=False,
        )

    async def deploy(self, *function_names: str, folder: Path = FUNCTIONS, **spec: Any) -> Json:
        """Create the project if need be, and a version whose functions all have the same spec; wait until READY."""
        version = await self.declare(*function_names, folder=folder, **spec)
        while any(function["function_status"] != "READY" for function in version["functions"]):
            assert all(function["preparation_error"] is None for function in version["functions"]), version
            await asyncio.sleep(0.05)
            version = await self.version(version["version_id"])
        return version

    async def declare(self, *function_names: str, folder: Path = FUNCTIONS, **spec: Any) -> Json:
        """The same without the wait."""
        await self.http.put(f"/projects/{self.name}")
        return await self._checked(
            self.http.post(
                f"/projects/{self.name}/versions", json=definition(self._image(folder), *function_names, **spec)
            )
        )

    async def version(self, version_id: str) -> Json:
        return await self._checked(self.http.get(f"/projects/{self.name}/versions/{version_id}"))

    async def set_secret(self, name: str, value: str) -> None:
        answer = await self.http.put(
            f"/projects/{self.name}/secrets/{name}", json={"value": value}, params={"create_project": "true"}
        )
        assert answer.status_code == 200, answer.text

    async def invoke(self, function: str, *, parent: tuple[str, str] | None = None, **arguments: Any) -> str:
        """`parent`: its function and id."""
        return await self.invoke_with(function, json.dumps(arguments), parent=parent)

    async def invoke_with(self, function: str, text: str, *, parent: tuple[str, str] | None = None) -> str:
        body: Json = {"input": text}
        if parent is not None:
            body["parent_invocation"] = {"function_name": parent[0], "invocation_id": parent[1]}
        answer = await self._checked(self.http.post(self._invocations(function), json=body))
        return str(answer["invocation_id"])

    async def get(self, function: str, invocation_id: str, *, wait_seconds: int = 0) -> Json:
        return await self._checked(
            self.http.get(f"{self._invocations(function)}/{invocation_id}", params={"wait_seconds": wait_seconds})
        )

    async def ended(self, function: str, invocation_id: str) -> Json:
        """The invocation once it is TERMINATED; the test's own time limit bounds the wait."""
        while (invocation := await self.get(function, invocation_id, wait_seconds=30))[
            "invocation_status"
        ] != "TERMINATED":
            await asyncio.sleep(0.05)
        return invocation

    async def container(self, function: str, invocation_id: str, *, other_than: str | None = None) -> str:
        """Where the latest execution's container is found, once that is known: it may be at work before."""
        while True:
            executions = (await self.get(function, invocation_id))["executions"]
            details = executions[-1]["worker_details"] if executions else None
            if details is not None and details["identifier"] != other_than:
                return str(details["identifier"])
            await asyncio.sleep(0.02)

    async def cancel(self, function: str, invocation_id: str) -> Json:
        return await self._checked(self.http.put(f"{self._invocations(function)}/{invocation_id}/cancel"))

    def path(self, function: str, invocation_id: str) -> str:
        return f"{self._invocations(function)}/{invocation_id}"

    async def logs(self, function: str, invocation: Json) -> list[str]:
        execution = invocation["executions"][-1]["execution_id"]
        path = f"{self._invocations(function)}/{invocation['invocation_id']}/executions/{execution}/logs"
        return list((await self._checked(self.http.get(path)))["log_lines"])

    def _invocations(self, function: str) -> str:
        return f"/projects/{self.name}/versions/latest/functions/{function}/invocations"

    async def _checked(self, request: Any) -> Json:
        response: httpx2.Response = await request
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer


def definition(
    image: str,
    *function_names: str,
    memory_gbs: float = 0.5,
    max_concurrency: int = 5,
    concurrency: str = "version",
    timeouts: Mapping[str, int] = MappingProxyType({}),
    command: Sequence[str] | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
    secrets: Mapping[str, str] = MappingProxyType({}),
    platform: Mapping[str, Any] | None = None,
    reuse: Mapping[str, Any] | None = None,
    **execution_spec: Any,
) -> Json:
    """Functions that differ, if at all, in their timeouts."""
    return {
        "default_docker_image": image,
        "functions": [
            {
                "function_name": name,
                "command": command,
                "environment": dict(environment),
                "secrets": dict(secrets),
                "platform": platform,
                "reuse": None if reuse is None else dict(reuse),
                "resource_spec": {
                    "virtual_cpus": 0.25,
                    "memory_gbs": memory_gbs,
                    "max_concurrency": max_concurrency,
                    "concurrency": concurrency,
                },
                "execution_spec": {"max_retries": 0, "timeout_seconds": timeouts.get(name, 300)} | execution_spec,
            }
            for name in function_names
        ],
    }


async def lines_of(file: Path, *, at_least: int = 1) -> list[str]:
    """What functions have noted, once there are that many lines."""
    while not file.exists() or len(file.read_text().splitlines()) < at_least:  # noqa: ASYNC240
        await asyncio.sleep(0.02)
    return file.read_text().splitlines()  # noqa: ASYNC240


def release_file(path: str) -> None:
    """What a holding function waits for."""
    Path(path).touch()
