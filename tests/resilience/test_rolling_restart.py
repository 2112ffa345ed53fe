"""With two of each, one process after the other is replaced under load, and the root key with them: nobody notices."""

import asyncio
from pathlib import Path

from tests.chaos.ledger import Ledger
from tests.chaos.process_stack import process_stack
from tests.e2e.project import Project, lines_of, release_file
from tests.figures import Show
from tests.resilience.load import Users
from tests.resilience.rolling import restart_all

OLD, NEW = "old-root-key", "new-root-key"


async def test_no_request_is_lost_and_no_container_interrupted(tmp_path: Path, show: Show) -> None:
    """The key is rotated as docs/operations.md says: the new one is known everywhere before it signs."""
    ledger = Ledger()
    async with process_stack(tmp_path / "data", ledger, api_keys=OLD) as stack:
        project = Project(stack.accesses[0], "rolling")
        await project.deploy("note_and_hold", max_concurrency=4)
        warm = Project(stack.accesses[0], "rolling-warm")
        await warm.deploy("double", max_concurrency=2, reuse={"idle_seconds": 20})
        release = tmp_path / "release"
        held = [await held_container(project, tmp_path / "notes-0", release)]
        users = Users(stack, f"/projects/{warm.name}/versions/latest/functions/double/invocations")
        using = asyncio.create_task(users.run({"number": 1}, users=2, pause=0.4))
        for step, keys in enumerate((f"{OLD},{NEW}", f"{NEW},{OLD}"), start=1):
            await restart_all(stack, CONTROL_PLANE_API_KEY=keys)
            held.append(await held_container(project, tmp_path / f"notes-{step}", release))
        users.stop.set()
        await using
        for one in (project, warm):
            one.http.headers["Authorization"] = f"Bearer {NEW}"
        release_file(str(release))
        ended = [
            *[await project.ended("note_and_hold", invocation_id) for invocation_id in held],
            *[await warm.ended("double", invocation_id) for invocation_id in users.submitted],
        ]
        for one in (project, warm):
            await one.http.aclose()
    show(
        f"rolling restart: 8 processes replaced, {users.requests} requests, {users.refused} connections "
        f"refused, {len(users.lost)} requests lost, {len(ended)} invocations"
    )
    assert users.lost == []
    assert users.refused > 0  # it was tried
    for invocation in ended:
        (execution,) = invocation["executions"]
        assert (execution["outcome"], execution["launches"]) == ("SUCCEEDED", 1), execution
    assert ledger.violations == []


async def held_container(project: Project, notes: Path, release: Path) -> str:
    """An invocation whose container runs."""
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    return invocation_id
