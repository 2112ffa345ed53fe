"""What a submit may ask for beside its input: read back, listed, refused, part of what an idempotency key means."""

import httpx2
import pytest
from sqlalchemy import select

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.idempotency import batch_fingerprint, fingerprint
from control_plane_server.catalog.tables import BatchRow, InvocationRow, WaitingExecutionRow
from control_plane_server.domain.submit_options import NO_OPTIONS, SubmitOptions
from tests.api.builders import Json, deploy

OPTIONS: Json = {
    "queue_timeout_seconds": 30,
    "tags": {"customer": "7", "äh": ""},
    "delay_seconds": 90,
    "priority": 9,
    "concurrency_key": "customer-7",
    "concurrency_limit": 2,
}
DEFAULTS: Json = {
    "queue_timeout_seconds": None,
    "tags": {},
    "delay_seconds": 0,
    "priority": 5,
    "concurrency_key": None,
    "concurrency_limit": None,
}
LINES = {"Content-Type": "application/x-ndjson"}


def options_of(invocation: Json) -> Json:
    return {name: invocation[name] for name in OPTIONS}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (OPTIONS, OPTIONS),
        ({}, DEFAULTS),
        ({"concurrency_key": "k"}, DEFAULTS | {"concurrency_key": "k", "concurrency_limit": 1}),
    ],
    ids=["all", "none", "a key alone"],
)
async def test_they_are_read_back_and_listed(client: httpx2.AsyncClient, given: Json, shown: Json) -> None:
    deployed = await deploy(client)
    created = await client.post(deployed.invocations(), json={"input": "1", **given})
    assert created.status_code == 200, created.text
    assert options_of(created.json()) == shown
    read = await client.get(f"{deployed.invocations()}/{created.json()['invocation_id']}")
    assert options_of(read.json()) == shown
    for path in (deployed.invocations(), "/projects/p/invocations"):
        listed = (await client.get(path)).json()["invocations"]
        assert [options_of(one) for one in listed] == [shown]


@pytest.mark.parametrize("is_lines", [False, True], ids=["document", "lines"])
async def test_those_of_a_batch_are_of_each(client: httpx2.AsyncClient, database: Database, is_lines: bool) -> None:
    deployed = await deploy(client)
    path = f"{deployed.version}/functions/f/batches"
    if is_lines:
        query = [(name, str(value)) for name, value in OPTIONS.items() if name != "tags"]
        tags = [("tag", "customer:7"), ("tag", "äh:")]
        answer = await client.post(path, params=[*query, *tags], content=b"1\n2\n", headers=LINES)
    else:
        answer = await client.post(path, json={"inputs": ["1", "2"], **OPTIONS})
    assert answer.status_code == 200, answer.text
    listed = (await client.get(deployed.invocations())).json()["invocations"]
    assert [options_of(one) for one in listed] == [OPTIONS, OPTIONS]
    async with database.statement() as connection:
        waiting = await connection.execute(
            select(
                WaitingExecutionRow.function_id,
                WaitingExecutionRow.concurrency_key,
                WaitingExecutionRow.concurrency_limit,
            )
        )
        assert [tuple(row) for row in waiting] == [(None, "customer-7", 2)] * 2, "in nobody's queue yet"
        times = await connection.execute(
            select(BatchRow.not_before, InvocationRow.not_before).join(
                InvocationRow, InvocationRow.batch_id == BatchRow.batch_id
            )
        )
        assert len({time for row in times for time in row}) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tags": {f"k{number}": "" for number in range(21)}}, "at most 20 items"),
        ({"tags": {"k" * 65: ""}}, "keys of tags must have 1 to 64 characters"),
        ({"tags": {"": ""}}, "keys of tags must have 1 to 64 characters"),
        ({"tags": {"a:b": ""}}, "no colon"),
        ({"tags": {"a\0": ""}}, "NUL characters"),
        ({"tags": {"k": "v" * 257}}, "cannot exceed 257 characters"),
        ({"delay_seconds": -1}, "delay_seconds must be non-negative"),
        ({"delay_seconds": 2_592_001}, "delay_seconds must not exceed 2592000"),
        ({"priority": 10}, "priority must not exceed 9"),
        ({"priority": -1}, "priority must be non-negative"),
        ({"concurrency_key": ""}, "concurrency_key must not be empty"),
        ({"concurrency_key": "k" * 257}, "concurrency_key cannot exceed 257 characters"),
        ({"concurrency_key": "k", "concurrency_limit": 0}, "concurrency_limit must be positive"),
        ({"concurrency_limit": 1}, "concurrency_limit needs a concurrency_key"),
    ],
)
@pytest.mark.parametrize("of", ["invocation", "batch"])
async def test_what_nobody_can_ask_for_is_refused(client: httpx2.AsyncClient, given: Json, said: str, of: str) -> None:
    deployed = await deploy(client)
    if of == "invocation":
        refused = await client.post(deployed.invocations(), json={"input": "1", **given})
    else:
        refused = await client.post(f"{deployed.version}/functions/f/batches", json={"inputs": ["1"], **given})
    assert refused.status_code == 422
    assert said in refused.json()["detail"][0]["msg"]


async def test_a_tag_in_a_query_has_a_colon(client: httpx2.AsyncClient) -> None:
    deployed = await deploy(client)
    path = f"{deployed.version}/functions/f/batches"
    refused = await client.post(path, params={"tag": "x"}, content=b"1", headers=LINES)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["query", "tag"])


@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "concurrency_limit"])
async def test_the_same_key_with_another_option_is_refused(client: httpx2.AsyncClient, name: str) -> None:
    deployed = await deploy(client)
    headers = {"Idempotency-Key": "k"}
    body = {"input": "1", **OPTIONS}
    first = await client.post(deployed.invocations(), json=body, headers=headers)
    assert first.status_code == 200, first.text
    reordered = body | {"tags": {"äh": "", "customer": "7"}}
    assert (await client.post(deployed.invocations(), json=reordered, headers=headers)).json() == first.json()
    changed = body | {name: DEFAULTS[name]}
    if name == "concurrency_key":
        changed.pop("concurrency_limit")
    refused = await client.post(deployed.invocations(), json=changed, headers=headers)
    assert refused.status_code == 422
    assert "used before with another request body" in refused.text


def test_without_options_a_request_has_the_fingerprint_that_releases_before_gave_it() -> None:
    assert fingerprint(function_input="1", parent=None, options=NO_OPTIONS) == (
        "ed7f9727d73306a74f94de2f7287fcf6a718bb2062d68eed7765498a0297b562"
    )
    assert batch_fingerprint(inputs=["1"], parent=None, options=SubmitOptions(queue_timeout_seconds=7)) == (
        "f68798249b367a9e0fc6b9487798a909d8ab495f70ea24f5b04f147234022029"
    )
