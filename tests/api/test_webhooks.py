"""Webhooks over REST: declared where they may lead, signed by a secret that is told once, and by submits."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import httpx2
import pytest
from sqlalchemy import select, text

from api.app import create_app
from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.webhooks.addresses import Address, AllowedAddresses
from control_plane_server.webhooks.targets import Targets
from tests.api.builders import PROJECT, ROOT_KEYS, bearer, deploy, invoke
from tests.catalog.webhooks.declared import ALL

WEBHOOKS = f"{PROJECT}/webhooks"
URL = "https://hooks.example.com/a"
ADDRESSES = {"hooks.example.com": "93.184.215.14", "inside.example.com": "10.0.0.7", "ci": "10.1.0.7"}


async def resolve(name: str, port: int) -> tuple[Address, ...]:
    return (ip_address(ADDRESSES[name]),)


@pytest.fixture
def services(services: Services) -> Services:
    """Whose names lead where the test says."""
    return replace(services, webhook_targets=Targets(AllowedAddresses([ip_network("10.1.0.0/16")]), resolve=resolve))


async def put(client: httpx2.AsyncClient, name: str = "hook", **body: object) -> httpx2.Response:
    return await client.put(f"{WEBHOOKS}/{name}", json={"url": URL, **body})


async def test_set_listed_changed_and_deleted(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    made = (await put(client)).json()
    assert made.pop("secret").startswith("whsec_")
    assert made["events"] == [event.value for event in ALL]
    assert (made["status"], made["failing_since"]) == ("ACTIVE", None)
    assert (await client.get(WEBHOOKS)).json() == {"project_name": "p", "webhooks": [made], "next_offset": None}
    changed = (await put(client, events=["invocation.failed", "invocation.failed"])).json()
    assert (changed["secret"], changed["events"]) == (None, ["invocation.failed"])
    found = (await client.get(f"{WEBHOOKS}/hook")).json()
    assert found == {name: value for name, value in changed.items() if name != "secret"}
    assert (await client.delete(f"{WEBHOOKS}/hook")).json() == found
    for answer in (
        await client.get(f"{WEBHOOKS}/hook"),
        await client.delete(f"{WEBHOOKS}/hook"),
        await client.get(f"{WEBHOOKS}/hook/deliveries"),
        await client.post(f"{WEBHOOKS}/hook/rotate-secret"),
        await client.post(f"{WEBHOOKS}/hook/deliveries/whd-1/redeliver"),
    ):
        assert (answer.status_code, answer.json()["detail"]) == (
            404,
            "A webhook with this name does not exist for this project",
        )


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("https://inside.example.com/", 400, "inside.example.com is 10.0.0.7, which is not a public address"),
        ("https://169.254.169.254/latest", 400, "169.254.169.254, which is not a public address"),
        ("http://hooks.example.com/", 400, "use https for hooks.example.com"),
        ("ftp://hooks.example.com/", 422, "url must be https://host/path"),
        ("https://me:secret@hooks.example.com/", 422, "must not carry a user"),
        ("http://ci:8080/hook", 200, "http://ci:8080/hook"),
    ],
)
async def test_where_nothing_is_sent_nothing_is_declared(
    client: httpx2.AsyncClient, url: str, status: int, said: str
) -> None:
    await client.put(PROJECT)
    answer = await put(client, url=url)
    assert answer.status_code == status
    assert said in answer.text
    assert len((await client.get(WEBHOOKS)).json()["webhooks"]) == (status == 200)


async def test_what_else_is_refused(client: httpx2.AsyncClient, services: Services) -> None:
    assert (await put(client)).status_code == 404
    await client.put(PROJECT)
    for name, body in (
        ("invocations", {}),
        ("a b", {}),
        ("hook", {"events": []}),
        ("hook", {"events": ["invocation.started"]}),
    ):
        assert (await put(client, name, **body)).status_code == 422, (name, body)
    app = create_app(replace(services, secret_keys=SecretKeys()))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://api", headers=bearer(ROOT_KEYS[0])
    ) as without_keys:
        assert (await put(without_keys)).status_code == 501
    assert (await client.get(WEBHOOKS)).json()["webhooks"] == []


async def test_a_secret_is_told_once_and_replaced_on_request(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    first = (await put(client)).json()["secret"]
    second = (await client.post(f"{WEBHOOKS}/hook/rotate-secret")).json()
    assert second["webhook_name"] == "hook"
    assert second["secret"] != first
    for answer in (await client.get(WEBHOOKS), await client.get(f"{WEBHOOKS}/hook"), await put(client)):
        assert first not in answer.text
        assert second["secret"] not in answer.text


async def test_a_submit_brings_one_along_once_there_is_a_secret_for_it(
    client: httpx2.AsyncClient, database: Database
) -> None:
    deployed = await deploy(client)
    webhook = {"url": URL, "events": ["invocation.failed"]}
    body = {"input": "1", "webhook": webhook}
    refused = await client.post(deployed.invocations(), json=body)
    assert refused.status_code == 409
    assert "control-plane webhooks rotate-secret PROJECT invocations" in refused.json()["detail"]
    assert (await client.post(f"{WEBHOOKS}/invocations/rotate-secret")).status_code == 200
    for key in ("one", "one"):
        made = await client.post(deployed.invocations(), json=body, headers={"Idempotency-Key": key})
        assert made.json()["webhook"] == webhook
    other = {"input": "1", "webhook": {"url": URL}}
    reused = await client.post(deployed.invocations(), json=other, headers={"Idempotency-Key": "one"})
    assert reused.status_code == 422
    inwards = {"input": "1", "webhook": {"url": "https://inside.example.com/"}}
    assert (await client.post(deployed.invocations(), json=inwards)).status_code == 400
    assert (await client.get(await invoke(client, deployed.invocations()))).json()["webhook"] is None
    async with database.statement() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM invocations")) == 2


async def test_each_invocation_of_a_batch_brings_it_along(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client)
    await client.post(f"{WEBHOOKS}/invocations/rotate-secret")
    batches = deployed.invocations().replace("/invocations", "/batches")
    made = await client.post(batches, json={"inputs": ["1", "2"], "webhook": {"url": URL}})
    assert made.status_code == 200
    lines = await client.post(
        batches,
        content=b"1\n2\n",
        params={"webhook_url": URL, "webhook_event": ["invocation.failed", "invocation.timed_out"]},
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert lines.status_code == 200
    malformed = await client.post(
        batches, content=b"1\n", params={"webhook_url": "x"}, headers={"Content-Type": "application/x-ndjson"}
    )
    assert malformed.status_code == 422
    async with database.statement() as connection:
        rows = await connection.execute(select(InvocationRow.webhook_url, InvocationRow.webhook_events))
        stored = sorted((row.webhook_url, len(row.webhook_events)) for row in rows)
    assert stored == [(URL, 2), (URL, 2), (URL, 4), (URL, 4)]


async def test_its_deliveries_are_listed_and_sent_again(client: httpx2.AsyncClient, database: Database) -> None:
    deployed = await deploy(client)
    await put(client)
    invocation = (await invoke(client, deployed.invocations())).rsplit("/", 1)[1]
    async with database.statement() as connection:
        await connection.execute(
            text(
                "INSERT INTO webhook_deliveries (delivery_id, project_name, webhook_name, target, invocation_id, event,"
                " status, attempts, last_status, last_attempt_time)"
                " VALUES ('whd-1', 'p', 'hook', 'hook', :id, 'invocation.failed', 'GIVEN_UP', 20, 500, now())"
            ),
            {"id": invocation},
        )
    (delivery,) = (await client.get(f"{WEBHOOKS}/hook/deliveries", params={"status": "GIVEN_UP"})).json()["deliveries"]
    assert (delivery["delivery_id"], delivery["invocation_id"], delivery["attempts"]) == ("whd-1", invocation, 20)
    assert (delivery["last_status"], delivery["next_attempt_time"]) == (500, None)
    again = (await client.post(f"{WEBHOOKS}/hook/deliveries/whd-1/redeliver")).json()
    assert (again["status"], again["delivery_id"]) == ("PENDING", "whd-1")
    assert again["next_attempt_time"] is not None
    assert (await client.get(f"{WEBHOOKS}/hook/deliveries", params={"status": "GIVEN_UP"})).json()["deliveries"] == []
    missing = await client.post(f"{WEBHOOKS}/invocations/deliveries/whd-1/redeliver")
    assert (missing.status_code, missing.json()["detail"]) == (
        404,
        "A delivery with this ID does not exist for this webhook",
    )
