"""Root keys and tokens are found nowhere but where they are used."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from control_plane_server.domain.bounds import MAX_BODY_BYTES
from control_plane_server.domain.execution_tokens import execution_token
from control_plane_server.domain.identifiers import ExecutionId
from tests.chaos.ledger import Ledger
from tests.chaos.process_stack import process_stack
from tests.chaos.stack import ChaosStack
from tests.e2e.project import Project, lines_of, release_file
from tests.resilience import leaks

KEY, UNKNOWN = "root-key-4711", "unknown-root-key-1234"


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChaosStack]:
    ledger = Ledger()
    async with process_stack(tmp_path_factory.mktemp("keys") / "data", ledger, api_keys=KEY) as it:
        yield it
    assert ledger.violations == []


async def test_no_key_is_found_where_it_is_not_used(stack: ChaosStack, tmp_path: Path) -> None:
    project = Project(stack.accesses[0], "leaks")
    await project.deploy("note_and_hold", "fail_at_first", "die", max_concurrency=3)
    notes, release = tmp_path / "notes", tmp_path / "release"
    seen: set[str] = set()
    watching = asyncio.create_task(leaks.watch_process_lists((KEY, UNKNOWN), seen))
    held = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    (execution,) = (await project.get("note_and_hold", held))["executions"]
    token = execution_token(KEY, ExecutionId(execution["execution_id"]))
    bodies = await every_kind_of_answer(stack, project, held, execution["execution_id"], token)
    for function, arguments in (("die", {"code": 3}), ("fail_at_first", {"notes": str(notes), "failures": 9})):
        await project.ended(function, await project.invoke(function, **arguments))

    environments = leaks.environments(stack.folder)
    assert len(environments) >= 2  # the supervisor and its container
    for environment in environments.values():
        assert KEY not in " ".join(environment.values())
    assert [name for one in environments.values() for name, value in one.items() if token in value] == [
        "MULTINODE_API_KEY"
    ]
    release_file(str(release))
    await project.ended("note_and_hold", held)
    await project.http.aclose()
    watching.cancel()
    everything = (KEY, UNKNOWN, token)
    assert [body for body in bodies if any(secret in body for secret in everything)] == []
    assert seen == set()
    assert leaks.in_process_lists(everything) == []
    assert await leaks.in_histories(stack.client, everything) == []
    assert leaks.in_files(stack.folder, everything) == []
    # What is no secret is found by the same looks.
    assert held in await leaks.in_histories(stack.client, [execution["execution_id"]])
    assert set(leaks.in_files(stack.folder / "logs", ["loop_runs"])) == {"loop-1.log", "loop-2.log"}
    assert leaks.in_process_lists([str(stack.folder)]) != []


async def every_kind_of_answer(
    stack: ChaosStack, project: Project, invocation_id: str, execution_id: str, token: str
) -> list[str]:
    """What is answered to requests with keys good and bad, right and wrong in every way."""
    versions = f"/projects/{project.name}/versions"
    function = f"{versions}/latest/functions/note_and_hold/invocations"
    execution = f"{function}/{invocation_id}/executions/{execution_id}"
    requests: list[tuple[int, str, str, dict[str, Any]]] = [
        (200, "GET", "/projects", {}),
        (404, "GET", "/nowhere", {}),
        (405, "POST", "/projects", {}),
        (409, "PUT", f"/projects/{project.name}", {}),
        (422, "POST", versions, {"json": {"functions": 7}}),
        (422, "POST", versions, {"content": b"{"}),
        (413, "POST", versions, {"content": b" " * (MAX_BODY_BYTES + 1)}),
        (400, "GET", f"{function}?initial_offset=x", {}),
        (409, "PUT", f"{execution}/start", {}),
        (200, "GET", f"{execution}/logs", {}),
        (501, "GET", "/container_repository_credentials", {}),
    ]
    answers = []
    async with httpx2.AsyncClient(base_url=stack.api_urls[0], trust_env=False) as http:
        for expected, method, path, body in requests:
            for authorization in (f"Bearer {KEY}", f"Basic {KEY}", f"Bearer {UNKNOWN}", f"Bearer {token}", KEY):
                answer = await http.request(method, path, headers={"Authorization": authorization}, **body)
                if authorization == f"Bearer {KEY}":
                    assert answer.status_code == expected, answer.text
                answers.append(f"{answer.headers} {answer.text}".replace(f"'authorization': '{authorization}'", ""))
    return answers
