"""What users and containers ask of the REST API. Whoever runs may be refused nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx2

from control_plane_server.domain.entities import ExecutionOutcome
from control_plane_server.domain.identifiers import FunctionName, InvocationId
from tests.simulation.containers import SimulatedContainer, Told

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    function: FunctionName
    invocation_id: InvocationId


class ApiClient:
    """One project. The HTTP client holds a root key; containers use the token that they were launched with."""

    def __init__(self, http: httpx2.AsyncClient, project_name: str) -> None:
        self._http = http
        self._project = f"/projects/{project_name}"

    async def deploy(self, functions: Sequence[Json]) -> None:
        """Create the project if there is none, with a version of these functions, and wait until they are READY."""
        answer = await self._http.put(self._project)
        assert answer.status_code in (200, 409), answer.text
        definition = {"default_docker_image": "image:1", "functions": functions}
        _checked(await self._http.post(f"{self._project}/versions", json=definition))
        while not await self._is_ready():
            await asyncio.sleep(0.02)

    async def submit(
        self, function: FunctionName, *, parent: Submitted | None = None, options: Json | None = None
    ) -> Submitted:
        return await self._submit(function, parent=parent, headers={}, options=options)

    async def change_pause(self, verb: str, function: FunctionName | None) -> None:
        """`verb`: pause or resume. `function`: None: of the whole project."""
        function_path = "" if function is None else f"/versions/latest/functions/{function}"
        _checked(await self._http.put(f"{self._project}{function_path}/{verb}"))

    async def submit_unless_deleted(self, function: FunctionName, *, parent: SimulatedContainer | None = None) -> bool:
        """False if the project is being deleted, or gone."""
        body: Json = {"input": "1"}
        if parent is not None:
            request = parent.request
            body["parent_invocation"] = {
                "function_name": request.function.function_name,
                "invocation_id": request.invocation_id,
            }
        answer = await self._http.post(self._invocations(function), json=body)
        return answer.status_code not in (400, 404) and _checked(answer).is_success

    async def delete(self) -> None:
        """Ask for the project's deletion, and wait until it is gone."""
        _checked(await self._http.delete(self._project))
        while (await self._http.get(self._project)).status_code != 404:
            await asyncio.sleep(0.02)

    async def submit_from(self, container: SimulatedContainer, function: FunctionName) -> Submitted:
        """A child of the container's invocation."""
        request = container.request
        assert request.invocation_id is not None
        parent = Submitted(function=request.function.function_name, invocation_id=request.invocation_id)
        return await self._submit(function, parent=parent, headers=_token(container))

    async def cancel(self, invocation: Submitted) -> bool:
        """False if it had ended already."""
        answer = await self._http.put(f"{self._invocations(invocation.function)}/{invocation.invocation_id}/cancel")
        return answer.status_code != 409 and _checked(answer).is_success

    async def start(self, container: SimulatedContainer) -> None:
        await self._report(container, "start")

    async def update(self, container: SimulatedContainer, output: str) -> None:
        await self._report(container, "update", {"latest_output": output})

    async def finish(self, container: SimulatedContainer, outcome: ExecutionOutcome) -> None:
        error = "ValueError: no" if outcome is ExecutionOutcome.FAILED else None
        await self._report(container, "finish", {"outcome": outcome.value, "error_message": error})

    async def ask_next(self, container: SimulatedContainer, body: Json) -> Json:
        """What a warm container is told when it asks for its next execution."""
        name = container.request.name.warm_container_id
        answer = await self._http.post(f"/containers/{name}/next", json=body, headers=_token(container))
        told: Json = _checked(answer).json()
        return told

    async def report(self, told: Told, verb: str, payload: Json | None = None) -> int:
        """A report of an execution in a warm container. Returns the status of the answer."""
        headers = {"Authorization": f"Bearer {told.token}"}
        answer = await self._http.put(f"{told.path}/{verb}", json=payload, headers=headers)
        return answer.status_code

    async def submit_from_told(self, told: Told, function: FunctionName) -> Submitted:
        """A child of what a warm container runs, of the same version, as its program submits it."""
        version = told.path.partition("/functions/")[0]
        parent = {"function_name": told.function, "invocation_id": told.invocation_id}
        answer = await self._http.post(
            f"{version}/functions/{function}/invocations",
            json={"input": "1", "parent_invocation": parent},
            headers={"Authorization": f"Bearer {told.token}"},
        )
        return Submitted(function=function, invocation_id=InvocationId(_checked(answer).json()["invocation_id"]))

    async def _is_ready(self) -> bool:
        version = _checked(await self._http.get(f"{self._project}/versions/latest")).json()
        return all(function["function_status"] == "READY" for function in version["functions"])

    async def _submit(
        self,
        function: FunctionName,
        *,
        parent: Submitted | None,
        headers: dict[str, str],
        options: Json | None = None,
    ) -> Submitted:
        body: Json = {"input": "1", **(options or {})}
        if parent is not None:
            body["parent_invocation"] = {"function_name": parent.function, "invocation_id": parent.invocation_id}
        answer = _checked(await self._http.post(self._invocations(function), json=body, headers=headers))
        return Submitted(function=function, invocation_id=InvocationId(answer.json()["invocation_id"]))

    async def _report(self, container: SimulatedContainer, verb: str, payload: Json | None = None) -> None:
        request = container.request
        path = f"{self._invocations(request.function.function_name)}/{request.invocation_id}"
        answer = await self._http.put(
            f"{path}/executions/{request.name.execution_id}/{verb}", json=payload, headers=_token(container)
        )
        if container.is_alive:  # one that was killed while it asked does not see the answer
            _checked(answer)

    def _invocations(self, function: FunctionName) -> str:
        return f"{self._project}/versions/latest/functions/{function}/invocations"


def _token(container: SimulatedContainer) -> dict[str, str]:
    return {"Authorization": f"Bearer {container.request.token}"}


def _checked(answer: httpx2.Response) -> httpx2.Response:
    assert answer.status_code == 200, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer
