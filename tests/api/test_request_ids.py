"""Every answer carries the id of its request, and the log lines of a request carry it and whom it concerns."""

from dataclasses import replace
from typing import cast

import httpx2
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from api.app import create_app
from api.services import Services
from control_plane_server.catalog.database import Database
from tests.api.builders import PROJECT, ROOT_KEYS, VERSIONS, bearer, deploy

ID = "X-Request-ID"


async def test_the_clients_id_is_answered(anonymous: httpx2.AsyncClient) -> None:
    for path in ("/", PROJECT, "/nowhere"):
        assert (await anonymous.get(path, headers={ID: "id-of:a/proxy"})).headers[ID] == "id-of:a/proxy"


@pytest.mark.parametrize("unusable", [None, "", "two words", "x" * 129, "\xe9"])
async def test_else_one_is_drawn(anonymous: httpx2.AsyncClient, unusable: str | None) -> None:
    headers = [] if unusable is None else [(ID.encode(), unusable.encode("latin-1"))]
    drawn = [(await anonymous.get("/", headers=headers)).headers[ID] for _ in range(2)]
    assert all(len(each) == 32 for each in drawn)
    assert drawn[0] != drawn[1]


async def test_log_lines_say_which_request_and_which_invocation(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = await client.post(f"{VERSIONS}/latest/functions/f/invocations", json={"input": ""}, headers={ID: "r"})
    (line,) = [line for line in lines if line["event"] == "workflow_is_left_to_reconciliation"]
    assert (line["request_id"], line["invocation_id"]) == ("r", answer.json()["invocation_id"])


async def test_a_defect_is_answered_with_the_id_too(services: Services) -> None:
    defect = cast(Database, object())
    transport = httpx2.ASGITransport(app=create_app(replace(services, database=defect)), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=bearer(ROOT_KEYS[0])) as client:
        answer = await client.get("/projects", headers={ID: "r"})
    assert (answer.status_code, answer.text, answer.headers[ID]) == (500, "Internal Server Error", "r")
