"""Arguments with which a function cannot be called are refused where they are submitted, and nothing is created."""

import json

import httpx2
import pytest
from control_plane.protocol.refusals import refusal
from control_plane.signatures import signature_of

from tests.api.builders import VERSIONS, Deployed, Json, deploy, function_spec
from tests.api.test_round_trips import statements  # noqa: F401 - a fixture


def resize(url: str, width: int = 800, *, ratio: float | None = None) -> None: ...


SIGNATURE: Json = dict(signature_of(resize).schema or {})
LATEST = f"{VERSIONS}/latest/functions/resize"


@pytest.fixture
async def deployed(client: httpx2.AsyncClient) -> Deployed:
    return await deploy(client, function_spec("resize", signature=SIGNATURE))


async def submit(client: httpx2.AsyncClient, text: str, *, path: str = LATEST) -> httpx2.Response:
    return await client.post(f"{path}/invocations", json={"input": text})


@pytest.mark.parametrize(
    ("text", "argument", "message"),
    [
        ('{"url": "u", "widht": 1}', "widht", "resize() has no argument 'widht'; it has url, width, ratio"),
        ('{"url": "u", "width": "abc"}', "width", "resize(): width is 'abc', but must be integer"),
        ("", "url", "resize() lacks the argument url"),
        ("[1]", "url", "resize(): url is 1, but must be string"),
        ('["u", 1, 2]', None, "resize() takes 2 arguments by position (url, width), but 3 are given"),
        ("{nonsense", None, "resize(): the input is not JSON: Expecting property name"),
    ],
)
async def test_wrong_ones_are_refused_with_the_argument(
    client: httpx2.AsyncClient, deployed: Deployed, text: str, argument: str | None, message: str
) -> None:
    for _ in range(2):  # also when the signature is known
        refused = await submit(client, text)
        assert refused.status_code == 422
        (problem,) = refused.json()["detail"]
        assert problem["loc"] == ["body", "input", *([argument] if argument else [])]
        assert (problem["type"], problem["input"]) == ("value_error", text)
        assert problem["msg"].startswith(f"Value error, {message}")
        detail = refusal(422, refused.json()).detail
        assert detail.startswith(message if argument else f"input: {message}"), "one clear line for clients"
    listed = await client.get(f"{deployed.version}/functions/resize/invocations")
    assert listed.json()["invocations"] == []


@pytest.mark.parametrize("text", ['{"url": "u", "ratio": 1}', '["u", 3.0]', '"u"', '{"url": "u", "ratio": null}'])
async def test_right_ones_are_taken(client: httpx2.AsyncClient, deployed: Deployed, text: str) -> None:
    assert (await submit(client, text)).status_code == 200


async def test_a_batch_with_a_wrong_one_is_refused_as_a_whole(client: httpx2.AsyncClient, deployed: Deployed) -> None:
    good = '{"url": "u"}'
    lines = httpx2.Headers({"Content-Type": "application/x-ndjson"})
    path = f"{LATEST}/batches"
    for refused in (
        await client.post(path, json={"inputs": [good, good, "[]"]}),
        await client.post(path, content="\n".join([good, good, "[]"]), headers=lines),
    ):
        assert refused.status_code == 422
        (problem,) = refused.json()["detail"]
        assert problem["loc"] == ["body", "inputs", 2, "url"]
        assert refusal(422, refused.json()).detail == "inputs.2: resize() lacks the argument url"
    assert (await client.post(path, json={"inputs": [good] * 3})).json()["size"] == 3
    assert (await client.get(path)).json()["batches"][0]["size"] == 3


async def test_what_counts_is_the_signature_of_the_version_that_is_called(
    client: httpx2.AsyncClient, deployed: Deployed
) -> None:
    """Also after another one was known, under `latest`, with an idempotency key, and for a child."""
    parent = (await submit(client, '{"url": "u"}')).json()["invocation_id"]
    newer = await deploy(client, function_spec("resize", signature={"type": "object", "required": ["place"]}))
    headers = {"Idempotency-Key": "k"}
    body = {"input": '{"url": "u"}'}
    refused = await client.post(f"{LATEST}/invocations", json=body, headers=headers)
    assert refused.json()["detail"][0]["msg"] == "Value error, resize() lacks the argument place"
    taken = await client.post(f"{LATEST}/invocations", json={"input": '{"place": 1}'}, headers=headers)
    assert taken.json()["version_id"] == newer.version_id
    child = {"parent_invocation": {"function_name": "resize", "invocation_id": parent}}
    for arguments, status in (({"place": 1}, 422), ({"url": "u"}, 200)):
        text = json.dumps(arguments)
        answer = await client.post(deployed.invocations("resize"), json={"input": text, **child})
        assert answer.status_code == status
    await deploy(client, function_spec("resize"), project="p")
    assert (await submit(client, "anything")).status_code == 200, "it has no signature"


async def test_the_input_of_a_command_is_any_text(client: httpx2.AsyncClient) -> None:
    await deploy(client, function_spec("resize", signature=SIGNATURE, command=["cat"]))
    assert (await submit(client, "not JSON")).status_code == 200


async def test_what_does_not_exist_is_said_first(client: httpx2.AsyncClient, deployed: Deployed) -> None:
    parent = {"function_name": "resize", "invocation_id": "inv-0"}
    answer = await client.post(f"{LATEST}/invocations", json={"input": "[]", "parent_invocation": parent})
    assert answer.json() == {"detail": "The ID of the parent invocation is invalid"}
    assert (await submit(client, "[]", path=LATEST.replace("resize", "gone"))).status_code == 404


async def test_a_signature_that_is_known_costs_no_statement(
    client: httpx2.AsyncClient,
    deployed: Deployed,
    statements: list[str],  # noqa: F811
) -> None:
    await submit(client, '{"url": "u"}')
    statements.clear()
    assert (await submit(client, '{"url": "u"}')).status_code == 200
    assert len(statements) == 1, statements
