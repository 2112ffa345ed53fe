"""What holds for every request: keys, order of checks, bodies, unknown paths."""

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from control_plane_server.domain.bounds import MAX_BODY_BYTES
from tests.api.builders import PROJECT, ROOT_KEYS, VERSIONS, bearer, definition, deploy, function_spec

NOT_AUTHENTICATED = {"detail": "Not authenticated"}
WRONG_SCHEME = {"detail": "Invalid authentication credentials"}
WRONG_KEY = {"detail": "The API key is invalid"}
TOO_LARGE = {"detail": "The request body is too large"}


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        (None, NOT_AUTHENTICATED),
        (b"", NOT_AUTHENTICATED),
        (b"Bearer", NOT_AUTHENTICATED),
        (b"Bearer ", NOT_AUTHENTICATED),
        (b"Basic cm9vdA==", WRONG_SCHEME),
        (b"Bearer wrong", WRONG_KEY),
        (b"Bearer root-key,other-root-key", WRONG_KEY),
        ("Bearer schlüssel".encode(), WRONG_KEY),
        (b"Bearer \xff\xfe", WRONG_KEY),
        (b"Bearer exe-0.00", WRONG_KEY),
    ],
)
async def test_without_a_good_key_nothing_is_served(
    anonymous: httpx2.AsyncClient, header: bytes | None, answer: object
) -> None:
    response = await anonymous.get("/projects", headers={} if header is None else [(b"Authorization", header)])
    assert (response.status_code, response.json()) == (403, answer)
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("header", [f"Bearer {ROOT_KEYS[0]}", f"bearer {ROOT_KEYS[1]}", f"BEARER {ROOT_KEYS[0]}"])
async def test_every_root_key_is_good_in_any_case_of_the_scheme(anonymous: httpx2.AsyncClient, header: str) -> None:
    assert (await anonymous.get("/projects", headers={"Authorization": header})).status_code == 200


async def test_checks_come_in_the_order_of_the_contract(anonymous: httpx2.AsyncClient) -> None:
    root = bearer(ROOT_KEYS[0])
    unauthorized = await anonymous.post(f"{PROJECT}/versions", content=b"{", headers={"Authorization": "Basic x"})
    assert unauthorized.status_code == 403
    unparsable = await anonymous.post(f"{PROJECT}/versions", content=b"{", headers=root)
    assert unparsable.status_code == 422
    invalid = await anonymous.post(f"{PROJECT}/versions", json={}, headers=root)
    assert invalid.status_code == 422
    missing = await anonymous.post(f"{PROJECT}/versions", json=definition(), headers=root)
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/nowhere", 404, {"detail": "Not Found"}),
        ("GET", "/projects/a/b", 404, {"detail": "Not Found"}),
        ("POST", "/projects", 405, {"detail": "Method Not Allowed"}),
        ("HEAD", "/projects/p/versions/latest/functions/f/invocations/inv-1/cancel", 405, None),
        ("HEAD", "/nowhere", 404, None),
    ],
)
async def test_unknown_paths_and_methods(
    client: httpx2.AsyncClient, method: str, path: str, status: int, body: object
) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    if body is not None:
        assert response.json() == body


@pytest.mark.parametrize("path", ["/", "/health/ready", "/projects", "/projects/nobody", "/docs", "/openapi.json"])
async def test_head_answers_as_get_without_a_body(client: httpx2.AsyncClient, path: str) -> None:
    told, sent = await client.head(path), await client.get(path)
    assert told.status_code == sent.status_code
    for header in ("content-type", "content-length"):
        assert told.headers[header] == sent.headers[header]
    assert told.content == b""


async def test_head_needs_the_key_that_get_needs(anonymous: httpx2.AsyncClient) -> None:
    assert (await anonymous.head("/projects")).status_code == 403


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/projects/", "/projects"),
        ("/projects//", "/projects"),
        ("/projects/p/?x=%2F&y=1", "/projects/p?x=%2F&y=1"),
        ("/projects/%C3%A9%20%3F%0D%0A/versions/", "/projects/%C3%A9%20%3F%0D%0A/versions"),
    ],
)
async def test_a_trailing_slash_is_redirected_whatever_host_is_named(
    client: httpx2.AsyncClient, path: str, location: str
) -> None:
    for method in ("GET", "POST"):
        response = await client.request(
            method, path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
        )
        assert (response.status_code, response.headers["location"]) == (307, location)


@pytest.mark.parametrize("path", ["//evil.example/", "/nowhere/", "//projects/", "/projects/a%2Fb/"])
async def test_no_other_slash_is_redirected(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(f"http://api{path}")).status_code == 404


async def test_a_body_without_content_type_is_json(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    response = await client.post(VERSIONS, content=json.dumps(definition()).encode())
    assert response.status_code == 200


async def test_a_body_of_another_type_is_refused(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    response = await client.post(VERSIONS, content=b"\xff{}", headers={"Content-Type": "text/plain"})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"\xff\xfe\xfd",
        b'{"input": ' + b"9" * 5_000 + b"}",
        b'{"input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"input": ' + b"[" * 500 + b"]" * 500 + b"}",
        b'{"input": NaN}',
        b'{"input": -Infinity, "parent_invocation": {"function_name": NaN}}',
        b'{"input": "\\ud800"}',
        b'{"input": {"\\ud800": "\\udfff"}}',
        b'{"input": "a\\u0000b"}',
        b'{"input": "1", "parent_invocation": {"function_name": "\\u0000", "invocation_id": "x"}}',
        b'{"input": null}',
        b'{"input": 7}',
        b'["input"]',
        b"null",
    ],
)
async def test_whatever_cannot_be_understood_is_422(client: httpx2.AsyncClient, body: bytes) -> None:
    deployed = await deploy(client)
    response = await client.post(deployed.invocations(), content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    problem = response.json()["detail"][0]
    assert {"type", "loc", "msg", "input"} <= set(problem)
    assert problem["loc"][0] == "body"


async def test_a_body_that_is_declared_too_large_is_refused(client: httpx2.AsyncClient) -> None:
    response = await client.post(VERSIONS, content=b" " * (MAX_BODY_BYTES + 1))
    assert (response.status_code, response.json()) == (413, TOO_LARGE)


async def test_a_body_that_turns_out_too_large_is_refused(client: httpx2.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 65_536 + 1):
            yield b" " * 65_536

    response = await client.post(VERSIONS, content=chunks())
    assert (response.status_code, response.json()) == (413, TOO_LARGE)


async def test_the_longest_input_fits_even_if_every_character_is_escaped(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    text = "\U0001f600" * 249_999
    response = await client.post(deployed.invocations(), content=json.dumps({"input": text}).encode())
    assert response.status_code == 200
    assert response.json()["input"] == text


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/projects/p%00", "A project with this name does not exist"),
        ("/projects/p%FF", "A project with this name does not exist"),
        ("/projects/p/versions/%00", "A version with this ID does not exist for this project"),
        ("/projects/%00/versions/%00", "A project with this name does not exist"),
        (
            "/projects/p/versions/latest/functions/%00/invocations",
            "A function with this name does not exist for this project version",
        ),
        (
            "/projects/p/versions/latest/functions/f/invocations/%0A",
            "An invocation with this ID does not exist for this function",
        ),
    ],
)
async def test_what_no_name_can_hold_does_not_exist(client: httpx2.AsyncClient, path: str, detail: str) -> None:
    await deploy(client, function_spec())
    response = await client.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": detail})


async def test_it_is_served_without_a_key(anonymous: httpx2.AsyncClient) -> None:
    assert (await anonymous.get("/openapi.json")).json()["openapi"] == "3.0.3"
    assert "/openapi.json" in (await anonymous.get("/docs")).text
