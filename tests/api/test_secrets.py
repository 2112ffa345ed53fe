"""Secrets over REST: set, listed, unset, and read by nobody but a container of a function that names them."""

import httpx2
import pytest
from sqlalchemy import text

from api.services import Services
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.secret_keys import SecretKeys
from control_plane_server.domain.execution_tokens import execution_token
from tests.api.builders import (
    DEAD,
    FINISHED,
    PROJECT,
    ROOT_KEYS,
    SECRETS_KEYS,
    STARTED,
    Columns,
    add_execution,
    bearer,
    definition,
    deploy,
    execution_id_of,
    function_spec,
    invoke,
)

SECRETS = f"{PROJECT}/secrets"
VALUE = "planted-7f3a"


async def put(client: httpx2.AsyncClient, name: str, value: object = VALUE, **query: str) -> httpx2.Response:
    return await client.put(f"{SECRETS}/{name}", json={"value": value}, params=query)


async def execution_of(
    client: httpx2.AsyncClient, database: Database, state: Columns = STARTED, **secrets: str
) -> tuple[str, dict[str, str]]:
    """Its path, and its own key."""
    deployed = await deploy(client, function_spec(secrets=secrets))
    execution = await add_execution(database, await invoke(client, deployed.invocations()), state)
    return execution, bearer(execution_token(ROOT_KEYS[0], execution_id_of(execution)))


async def test_set_listed_and_unset(client: httpx2.AsyncClient, database: Database) -> None:
    await client.put(PROJECT)
    first = (await put(client, "billing-db")).json()
    assert set(first) == {"secret_name", "creation_time", "last_update_time"}
    async with database.statement() as connection:
        await connection.execute(text("UPDATE secrets SET creation_time = creation_time - interval '1 hour'"))
    for name in ("b", "a"):
        assert (await put(client, name)).status_code == 200
    assert (await put(client, "billing-db", "another")).json()["secret_name"] == "billing-db"

    names, offset = [], None
    for _ in range(3):
        query = {"max_results": 1} | ({} if offset is None else {"initial_offset": offset})
        page = (await client.get(SECRETS, params=query)).json()
        names += [secret["secret_name"] for secret in page["secrets"]]
        offset = page["next_offset"]
    assert sorted(names[:2]) == ["a", "b"]
    assert (names[2], offset) == ("billing-db", None)

    secret = (await client.get(f"{SECRETS}/billing-db")).json()
    assert secret["last_update_time"] > secret["creation_time"]
    assert (await client.delete(f"{SECRETS}/billing-db")).json() == secret
    for answer in (await client.get(f"{SECRETS}/billing-db"), await client.delete(f"{SECRETS}/billing-db")):
        assert answer.status_code == 404
        assert answer.json() == {"detail": "A secret with this name does not exist for this project"}


async def test_a_project_must_be_there_or_be_wanted(client: httpx2.AsyncClient) -> None:
    for answer in (await put(client, "a"), await client.get(SECRETS), await client.get(f"{SECRETS}/a")):
        assert (answer.status_code, answer.json()["detail"]) == (404, "A project with this name does not exist")
    assert (await put(client, "a", create_project="true")).status_code == 200
    assert (await client.get(PROJECT)).status_code == 200
    assert (await client.get(SECRETS, params={"initial_offset": "x"})).status_code == 400


@pytest.mark.parametrize(
    "body", [f'{{"value": "{VALUE}\\u0000"}}', f'{{"valeu": "{VALUE}"}}', f'"{VALUE}"', f"{VALUE}"]
)
async def test_no_refusal_repeats_a_value(client: httpx2.AsyncClient, body: str) -> None:
    await client.put(PROJECT)
    answer = await client.put(f"{SECRETS}/a", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert VALUE not in answer.text


async def test_bounds(client: httpx2.AsyncClient) -> None:
    await client.put(PROJECT)
    assert (await put(client, "a", "ä" * 32_768)).status_code == 200
    answer = await put(client, "a", VALUE + "ä" * 32_768)
    assert answer.json()["detail"][0]["msg"] == "Value error, value must not exceed 65536 bytes of UTF-8"
    assert VALUE not in answer.text
    for name in ("-a", "a b", "ä", "a:b", "a" * 129):
        assert (await put(client, name)).status_code == 422


async def test_without_keys_nothing_is_set_and_no_project_made(client: httpx2.AsyncClient, services: Services) -> None:
    object.__setattr__(services, "secret_keys", SecretKeys())
    answer = await put(client, "a", create_project="true")
    assert answer.status_code == 501
    assert "set CONTROL_PLANE_SECRETS_KEYS for api" in answer.json()["detail"]
    assert (await client.get(PROJECT)).status_code == 404


async def test_only_the_container_itself_reads_values(client: httpx2.AsyncClient, database: Database) -> None:
    await client.put(PROJECT)
    await put(client, "billing-db")
    execution, own = await execution_of(client, database, DATABASE_URL="billing-db", SAME="billing-db")
    assert (await client.get(execution)).json()["has_secrets"] is True
    _, other = await execution_of(client, database, DATABASE_URL="billing-db")
    for key in (bearer(ROOT_KEYS[0]), other):
        answer = await client.get(f"{execution}/environment", headers=key)
        assert (answer.status_code, answer.json()) == (403, {"detail": "The API key is invalid"})
    answer = await client.get(f"{execution}/environment", headers=own)
    assert answer.json() == {"secrets": {"DATABASE_URL": VALUE, "SAME": VALUE}}
    await put(client, "billing-db", "changed")
    answer = await client.get(f"{execution}/environment", headers=own)
    assert answer.json()["secrets"]["SAME"] == "changed"


@pytest.mark.parametrize(
    ("state", "detail"),
    [(FINISHED, "This execution has already finished"), (DEAD, "This execution has already terminated")],
)
async def test_one_that_is_over_reads_none(
    client: httpx2.AsyncClient, database: Database, state: Columns, detail: str
) -> None:
    execution, own = await execution_of(client, database, state, DATABASE_URL="billing-db")
    answer = await client.get(f"{execution}/environment", headers=own)
    assert (answer.status_code, answer.json()["detail"]) == (409, detail)


async def test_a_secret_that_is_gone_is_named_with_what_to_do(client: httpx2.AsyncClient, database: Database) -> None:
    execution, own = await execution_of(client, database, URL="url", DATABASE_URL="billing-db")
    answer = await client.get(f"{execution}/environment", headers=own)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The secrets billing-db, url are not set in project p, for DATABASE_URL, URL; set with: "
        "control-plane secrets set p billing-db; control-plane secrets set p url",
    )


async def test_of_aws_there_is_nothing_to_read_here(client: httpx2.AsyncClient, database: Database) -> None:
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/x"
    execution, own = await execution_of(client, database, URL=arn)
    assert (await client.get(execution)).json()["has_secrets"] is False
    assert (await client.get(f"{execution}/environment", headers=own)).json() == {"secrets": {}}


async def test_keys_are_changed_while_containers_start(
    client: httpx2.AsyncClient, services: Services, database: Database
) -> None:
    await client.put(PROJECT)
    for number in range(120):
        await put(client, f"s{number}", f"{VALUE}-{number}")
    execution, own = await execution_of(client, database, URL="s7")
    for keys in (SECRETS_KEYS, SECRETS_KEYS[::-1]):  # first all processes learn the new key, then it encrypts
        object.__setattr__(services, "secret_keys", SecretKeys(keys))
        assert (await client.get(f"{execution}/environment", headers=own)).json()["secrets"]["URL"] == f"{VALUE}-7"
    answers = []
    for _ in range(3):
        answers.append((await client.post("/secrets/rotate")).json())
        assert (await client.get(f"{execution}/environment", headers=own)).json()["secrets"]["URL"] == f"{VALUE}-7"
    assert [(answer["rotated"], answer["remaining"]) for answer in answers] == [(100, 20), (20, 0), (0, 0)]
    object.__setattr__(services, "secret_keys", SecretKeys(SECRETS_KEYS[1:]))
    assert (await client.get(f"{execution}/environment", headers=own)).json()["secrets"]["URL"] == f"{VALUE}-7"
    without: tuple[tuple[str, ...], ...] = (SECRETS_KEYS[:1], ())
    for left in without:
        object.__setattr__(services, "secret_keys", SecretKeys(left))
        answer = await client.get(f"{execution}/environment", headers=own)
        assert (answer.status_code, "CONTROL_PLANE_SECRETS_KEYS" in answer.json()["detail"]) == (503, True)


async def test_versions_tell_which_secrets_functions_name(client: httpx2.AsyncClient) -> None:
    spec = function_spec(environment={"MODE": "fast"}, secrets={"DATABASE_URL": "billing-db"})
    await client.put(PROJECT)
    function = (await client.post(f"{PROJECT}/versions", json=definition(spec))).json()["functions"][0]
    assert (function["environment"], function["secrets"]) == ({"MODE": "fast"}, {"DATABASE_URL": "billing-db"})
