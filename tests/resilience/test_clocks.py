"""Two `loop` processes whose clocks are wrong by an hour, one each way: whichever reconciles, it harms nothing."""

import json
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from control_plane_server.catalog.database import Database
from control_plane_server.domain.identifiers import new_invocation_id
from tests.chaos.ledger import Ledger
from tests.chaos.process_stack import process_stack
from tests.e2e.ages import grow_old
from tests.e2e.project import Project, lines_of
from tests.e2e.repairs import repairs
from tests.resilience.faketime import faked_clock

HOUR = 3_600
_LOOKS = 8  # so that each loop makes some of them


async def test_a_clock_that_is_wrong_by_an_hour_does_no_harm(tmp_path: Path) -> None:
    ledger, folder = Ledger(), tmp_path / "data"
    clocks = [faked_clock(tmp_path / f"clock{offset}", offset_seconds=offset) for offset in (HOUR, -HOUR)]
    async with process_stack(folder, ledger, loop_environments=clocks) as stack:
        project = Project(stack.accesses[0], "clocks")
        version = await project.deploy("note_and_hold", "double", max_concurrency=1)
        notes, release = tmp_path / "notes", tmp_path / "release"
        running = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
        await lines_of(notes)
        waiting = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
        for _ in range(_LOOKS):
            unstarted = await insert_unstarted(stack.database, version["version_id"])  # a moment ago
            assert await repairs(stack.client) == {}
            await delete(stack.database, unstarted)  # or it would be old by one of the next looks
        unstarted = await insert_unstarted(stack.database, version["version_id"])
        await grow_old(stack.database, unstarted)
        await repairs(stack.client)
        assert (await project.ended("double", unstarted))["executions"][0]["output"] == "42"
        release.touch()
        for invocation_id in (running, waiting):
            (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
            assert (execution["outcome"], execution["launches"]) == ("SUCCEEDED", 1)
        await project.http.aclose()
    assert sorted(hours_off(folder / "logs" / f"loop-{number}.log") for number in (1, 2)) == [-1, 1]
    assert ledger.violations == []


async def insert_unstarted(catalog: Database, version_id: str) -> str:
    """As the API leaves it for as long as it talks to Temporal."""
    invocation_id = new_invocation_id()
    async with catalog.statement() as connection:
        await connection.execute(
            text(
                "INSERT INTO invocations (invocation_id, function_id, project_name, function_name, input)"
                " SELECT :invocation_id, function_id, project_name, function_name, :input"
                " FROM functions JOIN versions USING (version_id)"
                " WHERE version_id = :version_id AND function_name = 'double'"
            ),
            {"invocation_id": invocation_id, "input": json.dumps({"number": 21}), "version_id": version_id},
        )
    return invocation_id


async def delete(catalog: Database, invocation_id: str) -> None:
    async with catalog.statement() as connection:
        await connection.execute(
            text("DELETE FROM invocations WHERE invocation_id = :invocation_id"), {"invocation_id": invocation_id}
        )


def hours_off(log: Path) -> int:
    """How wrong the clock of the process was that wrote this log."""
    last = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")][-1]
    return round((datetime.fromisoformat(last["timestamp"]) - datetime.now(UTC)).total_seconds() / HOUR)
