"""`python -m benchmarks.ecs`: how sparingly and how fast AWS is used, on the stand-in for it.

With AWS's documented rate limits, and answers after 0.3 s for RunTask and 0.05 s for everything else.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from cli.output import data, note
from environment.provisioner_names import ProvisionerName
from tests.aws.control import Control
from tests.aws.process import running_stand_in
from tests.aws.wire import ANSWER_IMAGE, HOLD_IMAGE
from tests.cli.stacks import Ports, dev
from tests.e2e.project import Project

TASKS = 300
FUNCTIONS = ("one", "two", "three")  # a hundred executions each, as many as a function may have
SUBMITTERS = 8
FRESH_INVOCATIONS = 20
ANSWER_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    what: str
    figure: str
    target: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ecs", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long running tasks are watched, each way")
    minutes: float = parser.parse_args().minutes
    rows = asyncio.run(_measured(minutes))
    table = Table("what", "measured", "target")
    for row in rows:
        table.add_row(row.what, row.figure, row.target)
    data.print(table)


async def _measured(minutes: float) -> list[Row]:
    rows = []
    async with _cloud() as (project, aws):
        rows += await _burst(project, aws)
    async with _cloud() as (project, aws):
        rows += await _watched(project, aws, minutes=minutes, how="polling", target="at most 0.5")
        rows += await _fresh(project, aws)
    async with _cloud(has_events=True) as (project, aws):
        rows += await _watched(project, aws, minutes=minutes, how="with events", target="at most 0.05")
    return rows


@asynccontextmanager
async def _cloud(*, has_events: bool = False) -> AsyncIterator[tuple[Project, Control]]:
    with tempfile.TemporaryDirectory(prefix="cp-bench-") as folder:
        async with (
            running_stand_in(has_event_queue=has_events) as aws,
            dev(Path(folder) / "data", Ports.free(), provisioner=ProvisionerName.ECS, **aws.environment) as stack,
        ):
            project = Project(await stack.ready(), "bench", image=str)
            await aws.control.set(has_rate_limits=True, has_rule_for_stopped_only=True, answer_seconds=ANSWER_SECONDS)
            await aws.control.delay("*", 0.05)
            await aws.control.delay("RunTask", 0.3)
            yield project, aws.control
            await project.http.aclose()


async def _burst(project: Project, aws: Control) -> list[Row]:
    """300 invocations as fast as they can be submitted."""
    await project.deploy(*FUNCTIONS, folder=Path(ANSWER_IMAGE), max_concurrency=100, timeout_seconds=600)
    note(f"submitting {TASKS} invocations …")
    submitted = await _submit_all(project)
    note("waiting for their ends …")
    ended = [await project.ended(function, invocation_id) for function, invocation_id in submitted]
    outcomes = [execution["outcome"] for invocation in ended for execution in invocation["executions"]]
    launches = [call for call in await aws.calls("RunTask") if call.result == "ok" and call.task_arns]
    times = sorted(call.time for call in launches)
    tasks = {arn for call in launches for arn in call.task_arns}
    throttled = len([call for call in await aws.calls() if call.result == "ThrottlingException"])
    return [
        Row(
            what=f"burst of {TASKS}: starts per second",
            figure=f"{(len(times) - 1) / (times[-1] - times[0]):.1f}",
            target="at least 15",
        ),
        Row(
            what="… succeeded / tasks / throttled calls",
            figure=f"{outcomes.count('SUCCEEDED')} / {len(tasks)} / {throttled}",
            target=f"{TASKS} / {TASKS}",
        ),
    ]


async def _watched(project: Project, aws: Control, *, minutes: float, how: str, target: str) -> list[Row]:
    """300 containers that run and say nothing."""
    await project.deploy(*FUNCTIONS, "fresh", folder=Path(HOLD_IMAGE), max_concurrency=100, timeout_seconds=3_600)
    await _submit_all(project)
    while sum(task.status == "RUNNING" for task in await aws.tasks()) < TASKS:
        await asyncio.sleep(0.5)
    await asyncio.sleep(10)  # looks at what has just been started are over
    await aws.reset_calls()
    note(f"watching {TASKS} tasks for {minutes:g} minutes, {how} …")
    await asyncio.sleep(minutes * 60)
    counts = await aws.counts()
    return [
        Row(
            what=f"{TASKS} running, {how}: calls per task-minute",
            figure=f"{sum(counts.values()) / (TASKS * minutes):.3f}  {counts}",
            target=target,
        )
    ]


async def _fresh(project: Project, aws: Control) -> list[Row]:
    """From a submit to its RunTask, while 300 run."""
    seconds = []
    for _ in range(FRESH_INVOCATIONS):
        await aws.reset_calls()
        began = time.time()
        invocation_id = await project.invoke("fresh")
        while not (launches := await aws.calls("RunTask")):
            await asyncio.sleep(0.02)
        # A call is noted with the time at which it came in.
        seconds.append(launches[0].time - began)
        await project.cancel("fresh", invocation_id)
        await project.ended("fresh", invocation_id)
    return [
        Row(
            what=f"{TASKS} running: submit to RunTask, median (longest)",
            figure=f"{statistics.median(seconds):.3f} s ({max(seconds):.3f} s)",
            target="at most 0.3 s",
        )
    ]


async def _submit_all(project: Project) -> list[tuple[str, str]]:
    names = [FUNCTIONS[number % len(FUNCTIONS)] for number in range(TASKS)]
    submitted: list[tuple[str, str]] = []

    async def submit() -> None:
        while names:
            name = names.pop()
            submitted.append((name, await project.invoke(name)))

    await asyncio.gather(*(submit() for _ in range(SUBMITTERS)))
    return submitted


if __name__ == "__main__":
    main()
