"""A client of two APIs, either of which may be gone at any moment. It looks at every answer it gets."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.chaos.ledger import Ledger

PROJECT = "chaos"
Json = dict[str, Any]


class ApiClient:
    def __init__(self, apis: tuple[httpx2.AsyncClient, ...], ledger: Ledger) -> None:
        self._apis = apis
        self._ledger = ledger

    async def submit(self, function: str, body: Json, *, key: str | None = None) -> Json | None:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self._request("POST", f"{_function(function)}/invocations", body=body, headers=headers)

    async def cancel(self, invocation_id: str) -> Json | None:
        return await self._request("PUT", f"/invocations/{invocation_id}/cancel", refusals=(409,))

    async def get(self, invocation_id: str) -> Json | None:
        return await self._request("GET", f"/invocations/{invocation_id}")

    async def deploy(self, definition: Json, *, project: str = PROJECT) -> str | None:
        """The id of the version; None if the answer was lost, or it was not made."""
        await self._request("PUT", f"/projects/{project}", refusals=(409,))
        # One that is being deleted takes no version.
        refusals = () if project == PROJECT else (400, 404, 409)
        created = await self._request("POST", f"/projects/{project}/versions", body=definition, refusals=refusals)
        return None if created is None else str(created["version_id"])

    async def undeploy(self, project: str) -> bool:
        """Whether it has been noted that the project is to be deleted, or it is gone."""
        path = f"/projects/{project}"
        return await self._request("DELETE", path, refusals=(404,)) is not None

    async def is_gone(self, project: str) -> bool:
        before = self._ledger.answers["404"]
        return await self._request("GET", f"/projects/{project}", refusals=(404,)) is None and (
            self._ledger.answers["404"] > before
        )

    async def is_ready(self, version_id: str, *, project: str = PROJECT) -> bool:
        version = await self._request("GET", f"/projects/{project}/versions/{version_id}")
        return version is not None and all(function["function_status"] == "READY" for function in version["functions"])

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        refusals: tuple[int, ...] = (),
    ) -> Json | None:
        """What was answered, None without a success. Only what the faults explain may keep us from one: a connection
        that is refused or lost, and 503 with the advice when to come again."""
        try:
            response = await random.choice(self._apis).request(method, path, json=body, headers=headers)
        except httpx2.TransportError as error:
            self._ledger.answers[type(error).__name__] += 1
            return None
        self._ledger.answers[str(response.status_code)] += 1
        if response.is_success:
            answer: Json = response.json()
            return answer
        is_away = response.status_code == 503 and "Retry-After" in response.headers
        if not is_away and response.status_code not in refusals:
            self._ledger.violation(f"{method} {path} was answered with {response.status_code}: {response.text}")
        return None


@asynccontextmanager
async def api_client(urls: tuple[str, ...], api_key: str, ledger: Ledger) -> AsyncIterator[ApiClient]:
    apis = tuple(
        httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {api_key}"}, timeout=15.0, trust_env=False)
        for url in urls
    )
    try:
        yield ApiClient(apis, ledger)
    finally:
        for api in apis:
            await api.aclose()


def _function(name: str) -> str:
    return f"/projects/{PROJECT}/versions/latest/functions/{name}"
