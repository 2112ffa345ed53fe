"""What a version may hold in all."""

import httpx2
import pytest

from control_plane_server.domain.bounds import MAX_COMMAND_WORDS, MAX_FUNCTION_NAMES_BYTES, MAX_FUNCTIONS
from tests.api.builders import VERSIONS, definition, deploy, function_spec


@pytest.mark.parametrize(("character", "status"), [("a", 200), ("\u51fd", 422), ('"', 422)])
async def test_names_that_are_too_much_for_a_workflow_are_refused(
    client: httpx2.AsyncClient, character: str, status: int
) -> None:
    """A version is not accepted that could never be prepared."""
    await client.put("/projects/p")
    functions = [
        function_spec() | {"function_name": f"{number:04}" + 1_019 * character} for number in range(MAX_FUNCTIONS)
    ]
    answer = await client.post("/projects/p/versions", json=definition(*functions))
    assert answer.status_code == status
    if status == 422:
        (problem,) = answer.json()["detail"]
        assert problem["loc"] == ["body"]
        assert str(MAX_FUNCTION_NAMES_BYTES) in problem["msg"]


async def test_many_functions_are_one_version(client: httpx2.AsyncClient) -> None:
    names = [f"f{number}" for number in range(1_000)]
    deployed = await deploy(client, *(function_spec(name) for name in names))
    functions = (await client.get(deployed.version)).json()["functions"]
    assert [function["function_name"] for function in functions] == names


async def test_a_version_has_a_bounded_number_of_functions(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    most = [function_spec(f"f{number}") for number in range(MAX_FUNCTIONS)]
    assert (await client.post(VERSIONS, json=definition(*most))).status_code == 200
    refused = await client.post(VERSIONS, json=definition(*most, function_spec("one-too-many")))
    assert refused.status_code == 422
    (problem,) = refused.json()["detail"]
    assert (problem["loc"], problem["type"]) == (["body", "functions"], "too_long")


async def test_a_command_has_a_bounded_number_of_words(client: httpx2.AsyncClient) -> None:
    await deploy(client)
    for words, status in ((MAX_COMMAND_WORDS, 200), (MAX_COMMAND_WORDS + 1, 422)):
        answer = await client.post(VERSIONS, json=definition(function_spec(command=[""] * words)))
        assert answer.status_code == status
