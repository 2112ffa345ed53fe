"""One project of a stack, called as its users call it."""

import asyncio
from collections.abc import Iterable, Mapping

from benchmarks.http import Http, Json
from benchmarks.stack import Stack

MAX_CONCURRENCY = 100  # the most that a function may have
_NAME = "bench"
# More wait longer for a busy Temporal than the API is willing to.
_SUBMITTERS = 8


class Project:
    def __init__(self, http: Http) -> None:
        self._http = http

    @classmethod
    async def deployed(
        cls, stack: Stack, *names: str, max_concurrency: int = MAX_CONCURRENCY, reuse: Mapping[str, Json] | None = None
    ) -> "Project":
        """A version with these functions, once all are READY. `reuse`: of those that have it, by their names."""
        project = cls(stack.http)
        await project.deploy(names, stack.image, max_concurrency, reuse or {})
        return project

    def invocations(self, function: str) -> str:
        return f"/projects/{_NAME}/versions/latest/functions/{function}/invocations"

    def batches(self, function: str) -> str:
        return f"/projects/{_NAME}/versions/latest/functions/{function}/batches"

    async def submit(self, function: str) -> str:
        """The invocation's path."""
        answer = await self._http.post(self.invocations(function), {"input": "1"})
        return f"{self.invocations(function)}/{answer['invocation_id']}"

    async def submit_all(self, functions: Iterable[str]) -> list[str]:
        """An invocation of each, a few at a time; their paths."""
        left = iter(functions)
        paths: list[str] = []

        async def submit() -> None:
            for function in left:
                paths.append(await self.submit(function))  # noqa: PERF401 - one after the other

        await asyncio.gather(*(submit() for _ in range(_SUBMITTERS)))
        return paths

    async def outcome(self, path: str) -> Json:
        """The one execution, once its outcome is there. Anything but a success ends the benchmark."""
        invocation = await self._http.get(f"{path}?wait_seconds=60")
        if [execution["outcome"] for execution in invocation["executions"]] != ["SUCCEEDED"]:
            raise RuntimeError(f"{path} did not succeed within a minute: {invocation}")
        execution: Json = invocation["executions"][0]
        return execution

    async def until_none_runs(self, function: str) -> None:
        while (await self._http.get(f"{self.invocations(function)}?status=RUNNING&max_results=1"))["invocations"]:
            await asyncio.sleep(0.05)

    async def follow(self, path: str) -> None:
        """Read its events to the end."""
        await self._http.stream(f"{path}/events?logs=false")

    async def deploy(self, names: Iterable[str], image: str, max_concurrency: int, reuse: Mapping[str, Json]) -> None:
        """As `deployed`."""
        await self._http.put(f"/projects/{_NAME}", is_fine=(200, 409))
        version = await self._http.post(
            f"/projects/{_NAME}/versions",
            {
                "default_docker_image": image,
                "functions": [
                    {
                        "function_name": name,
                        "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": max_concurrency},
                        "execution_spec": {"max_retries": 0, "timeout_seconds": 86_400},
                        **({"reuse": reuse[name]} if name in reuse else {}),
                    }
                    for name in names
                ],
            },
        )
        while any(function["function_status"] != "READY" for function in version["functions"]):
            await asyncio.sleep(0.05)
            version = await self._http.get(f"/projects/{_NAME}/versions/{version['version_id']}")
