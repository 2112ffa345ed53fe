"""Execution tokens beside the table of what they may do: one path, every root key, in the order of checks."""

import hmac

import httpx2
import pytest

from control_plane_server.catalog.database import Database
from control_plane_server.domain.execution_tokens import (
    TokenOwner,
    container_of_token,
    container_token,
    execution_of_token,
    execution_token,
    launch_token,
)
from control_plane_server.domain.identifiers import ExecutionId, new_warm_container_id
from tests.api.builders import ROOT_KEYS, add_execution, bearer, deploy, execution_id_of, invoke


@pytest.fixture
async def executions(client: httpx2.AsyncClient, database: Database) -> tuple[str, str]:
    """The paths of an execution and of another one in its project."""
    deployed = await deploy(client)
    paths = [await add_execution(database, await invoke(client, deployed.invocations())) for _ in range(2)]
    return paths[0], paths[1]


async def test_its_own_execution_is_one_path_only(client: httpx2.AsyncClient, executions: tuple[str, str]) -> None:
    own, _ = executions
    await client.put("/projects/q")
    misplaced = own.replace("/projects/p/", "/projects/q/")
    answer = await client.get(misplaced, headers=bearer(execution_token(ROOT_KEYS[0], execution_id_of(own))))
    assert answer.status_code == 404
    assert answer.json() == {"detail": "A version with this ID does not exist for this project"}


async def test_every_root_key_signs(client: httpx2.AsyncClient, executions: tuple[str, str]) -> None:
    own, _ = executions
    for key, status in ((ROOT_KEYS[0], 200), (ROOT_KEYS[1], 200), ("unknown", 403)):
        answer = await client.get(own, headers=bearer(execution_token(key, execution_id_of(own))))
        assert answer.status_code == status


async def test_a_token_is_checked_before_the_body(client: httpx2.AsyncClient, executions: tuple[str, str]) -> None:
    own, other = executions
    token = bearer(execution_token(ROOT_KEYS[0], execution_id_of(own)))
    answer = await client.put(f"{other}/finish", json={}, headers=token)
    assert (answer.status_code, answer.json()) == (403, {"detail": "The API key is invalid"})


def test_the_same_execution_always_gets_the_same_token_and_no_other_does() -> None:
    first, second = (execution_id_of(f"/exe-{number}") for number in (1, 2))
    token = execution_token("key", first)
    assert token == execution_token("key", first)
    assert execution_of_token(("other", "key"), token) == TokenOwner(execution_id=first)
    signature = token.partition(".")[2]
    for forged in (f"{second}.{signature}", f"{first}.{signature[:-1]}", f"{first}.", first, token + "0", ""):
        assert execution_of_token(("other", "key"), forged) is None


def test_a_launchs_token_names_it_and_no_other_token_is_one() -> None:
    execution_id = execution_id_of("/exe-1")
    token = launch_token("key", execution_id, 12)
    assert token.startswith(f"{execution_id}.12.")
    assert execution_of_token(("other", "key"), token) == TokenOwner(execution_id=execution_id, launch=12)
    signature = token.rpartition(".")[2]
    whole = execution_token("key", execution_id).partition(".")[2]
    for forged in (
        f"{execution_id}.13.{signature}",
        f"{execution_id}.12.{whole}",
        f"{execution_id}.{signature}",
        f"{execution_id}.012.{signature}",
        f"{execution_id}..{signature}",
        f"{execution_id}.12.",
    ):
        assert execution_of_token(("other", "key"), forged) is None


def test_a_containers_token_is_no_executions_and_the_other_way_round() -> None:
    container_id = new_warm_container_id()
    token = container_token("key", container_id)
    assert container_of_token(("other", "key"), token) == container_id
    assert execution_of_token(("key",), token) is None
    assert container_of_token(("key",), execution_token("key", ExecutionId(container_id))) is None
    assert container_of_token(("key",), f"{new_warm_container_id()}.{token.partition('.')[2]}") is None


async def test_keys_are_compared_in_constant_time_and_all_of_them(
    anonymous: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However early a key matches or fails to, as many comparisons are made, each by `hmac.compare_digest`."""
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    token = execution_token(ROOT_KEYS[1], execution_id_of("/exe-1"))
    for key, comparisons in (
        (ROOT_KEYS[0], 2),
        (ROOT_KEYS[1], 2),
        ("unknown", 4),
        (token, 4),
        (token[:-1], 4),
        ("con-1.2", 4),
    ):
        compared.clear()
        await anonymous.get("/projects", headers=bearer(key))
        assert len(compared) == comparisons
