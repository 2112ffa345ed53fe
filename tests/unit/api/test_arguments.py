"""Arguments are refused only where a signature makes that certain, whatever somebody has stored as one."""

import json
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError

from api.arguments import ArgumentChecks
from control_plane_server.catalog.callees import ArgumentsAreUnchecked
from control_plane_server.catalog.paths import FunctionPath
from control_plane_server.domain.identifiers import FunctionName, ProjectName, VersionId

PATH = FunctionPath(project_name=ProjectName("p"), version_ref=VersionId("latest"), function_name=FunctionName("f"))


async def submit(signature: str, text: str) -> str:
    async def create(checked: object) -> str:
        if not checked:
            raise ArgumentsAreUnchecked(function_id=1, function_name="f", signature=signature)
        return "created"

    return await ArgumentChecks().create(PATH, [text], is_batch=False, create=create)


@pytest.mark.parametrize(
    "signature",
    [
        {"required": None},
        {"x-positional": 1},
        {"properties": []},
        {"properties": {"number": {"type": 5}}},
        {"properties": {"number": {"type": [{}]}}},
        {"properties": {"number": {"anyOf": 3}}},
        {"properties": {"number": {"anyOf": [], "enum": 1, "type": {}}}, "required": 3},
        {"additionalProperties": False, "patternProperties": {"^n": {"type": "integer"}}},
    ],
)
@pytest.mark.parametrize("text", ['{"number": 1}', "[1]", "1"])
async def test_a_signature_that_says_nothing_certain_refuses_nothing(signature: dict[str, Any], text: str) -> None:
    assert await submit(json.dumps({"type": "object", **signature}), text) == "created"


@pytest.mark.parametrize("depth", [300, 700, 100_000])
async def test_nor_does_one_that_is_too_deep(depth: int) -> None:
    deep = '{"anyOf": [' * depth + '{"type": "integer"}' + "]}" * depth
    assert await submit(f'{{"type": "object", "properties": {{"number": {deep}}}}}', '{"number": 1}') == "created"


async def test_what_is_certain_is_refused() -> None:
    with pytest.raises(RequestValidationError):
        await submit('{"type": "object", "properties": {"number": {"type": "integer"}}}', '{"number": "one"}')
