"""What tests of blobs do over the API: announce, upload, read."""

from typing import Any

import httpx2

from control_plane_server.domain.execution_tokens import execution_token
from control_plane_server.domain.identifiers import ExecutionId
from tests.api.builders import ROOT_KEYS, bearer
from tests.blobs.stores import sha256

CONTENT = b'"' + b"x" * 300_000 + b'"'


def announcement(content: bytes = CONTENT, **changes: Any) -> dict[str, Any]:
    return {"size": len(content), "sha256": sha256(content), **changes}


def token(execution: str) -> dict[str, str]:
    return bearer(execution_token(ROOT_KEYS[0], ExecutionId(execution.rpartition("/")[2])))


async def upload(client: httpx2.AsyncClient, made: dict[str, Any], content: bytes = CONTENT) -> httpx2.Response:
    """As clients do it: to the API with the key, elsewhere without one."""
    url: str = made["upload_url"]
    if url.startswith("/"):
        return await client.put(url, content=content, headers=made["upload_headers"])
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as elsewhere:
        return await elsewhere.put(url, content=content, headers=made["upload_headers"])


async def announced(client: httpx2.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body or announcement())
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def read(client: httpx2.AsyncClient, path: str) -> bytes:
    answer = await client.get(path)
    if answer.status_code == 307:
        async with httpx2.AsyncClient(trust_env=False, timeout=60) as elsewhere:
            answer = await elsewhere.get(answer.headers["location"])
    assert answer.status_code == 200, answer.text
    return answer.content
