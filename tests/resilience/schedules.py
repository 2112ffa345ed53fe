"""A schedule that calls every two seconds while servers are killed: `python -m tests.resilience.schedules` does so for
a minute, on a stack of its own. Exit status 1 if a time was missed or made two invocations.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from control_plane.cli.output import print_text
from sqlalchemy import text

from tests.chaos.ledger import Ledger
from tests.chaos.process_stack import process_stack
from tests.chaos.stack import ChaosStack
from tests.e2e.project import PROGRAMS, Project

EVERY_SECONDS = 2
_DOWNTIME_SECONDS = 2.0
_LOOK_SECONDS = 0.5
# What waits for a `loop` that was killed is tried again within ten seconds, and the catalog's share of it by the
# reconciliation: a minute, and a patience.
_MADE_WITHIN_SECONDS = 100
_SCHEDULE = "often"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """`made`: how many invocations there are by the time that they are of. `lateness`: the longest, in seconds."""

    made: Counter[int]
    until: int
    kills: int
    lateness: float

    def problems(self) -> list[str]:
        doubled = [time for time, count in self.made.items() if count > 1]
        missed = [f"{time} was missed" for time in _missed(self.made, self.until)]
        return missed + [f"{time} came twice" for time in doubled]

    def summary(self) -> str:
        return (
            f"{len(self.made)} times, {self.kills} kills: {len(self.problems())} missed or doubled, the latest "
            f"{self.lateness:.1f} s after its time"
        )


async def call_while_servers_die(stack: ChaosStack, project: Project, *, seconds: float, pause: float) -> Calls:
    """`pause`: between two kills."""
    await project.deploy("shout", folder=PROGRAMS, command=["sh", "shout.sh"], max_concurrency=20)
    schedule = {"function_name": "shout", "every_seconds": EVERY_SECONDS, "overlap": "allow_all", "input": "x"}
    answer = await project.http.put(f"/projects/{project.name}/schedules/{_SCHEDULE}", json=schedule)
    assert answer.status_code == 200, answer.text
    while not await _made(stack):  # the first one: from here on it is Temporal that counts
        await asyncio.sleep(_LOOK_SECONDS)
    kills = 0
    victims = cycle((stack.loops[0], stack.temporal, stack.apis[0], stack.loops[1], stack.apis[1]))
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        kills += next(victims).kill(downtime=_DOWNTIME_SECONDS)
        await asyncio.sleep(pause)
    until = int(datetime.now(UTC).timestamp()) // EVERY_SECONDS * EVERY_SECONDS
    await stack.all_up()
    with suppress(TimeoutError):
        async with asyncio.timeout(_MADE_WITHIN_SECONDS):
            while _missed(await _made(stack), until):
                await asyncio.sleep(_LOOK_SECONDS)
    await project.http.delete(f"/projects/{project.name}/schedules/{_SCHEDULE}")
    async with asyncio.timeout(_MADE_WITHIN_SECONDS):
        while await _running(stack):
            await asyncio.sleep(_LOOK_SECONDS)
    return Calls(made=await _made(stack), until=until, kills=kills, lateness=await _lateness(stack))


def _missed(made: Counter[int], until: int) -> list[int]:
    return [time for time in range(min(made), until + 1, EVERY_SECONDS) if not made[time]]


async def _made(stack: ChaosStack) -> Counter[int]:
    async with stack.database.statement() as connection:
        found = await connection.execute(
            text(
                "SELECT extract(epoch FROM scheduled_time)::int AS time, count(*) AS calls FROM invocations"
                " WHERE schedule_name = :name GROUP BY scheduled_time"
            ),
            {"name": _SCHEDULE},
        )
        return Counter({row.time: row.calls for row in found})


async def _running(stack: ChaosStack) -> int:
    async with stack.database.statement() as connection:
        found = "SELECT count(*) FROM invocations WHERE schedule_name = :name AND status = 'RUNNING'"
        return await connection.scalar(text(found), {"name": _SCHEDULE}) or 0


async def _lateness(stack: ChaosStack) -> float:
    async with stack.database.statement() as connection:
        found = (
            "SELECT extract(epoch FROM max(creation_time - scheduled_time)) FROM invocations"
            " WHERE schedule_name = :name"
        )
        return float(await connection.scalar(text(found), {"name": _SCHEDULE}) or 0.0)


async def _run(folder: Path, seconds: float) -> list[str]:
    ledger = Ledger()
    async with process_stack(folder / "data", ledger) as stack:
        project = Project(stack.accesses[0], "scheduled")
        calls = await call_while_servers_die(stack, project, seconds=seconds, pause=4.0)
        await project.http.aclose()
    print_text(calls.summary())
    return [*calls.problems(), *ledger.violations]


def main() -> int:
    parser = argparse.ArgumentParser(prog="schedules", description="Kills servers while a schedule calls.")
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cp-schedules-") as folder:
        problems = asyncio.run(_run(Path(folder), arguments.seconds))
    for problem in problems:
        print_text(f"VIOLATION: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
