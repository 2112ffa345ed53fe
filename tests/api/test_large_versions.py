"""What a version may hold in all."""

import httpx2
import pytest

from control_plane_server.domain.bounds import MAX_FUNCTION_NAMES_BYTES, MAX_FUNCTIONS
from tests.api.builders import definition, function_spec


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
