"""`python -m benchmarks.ecs`: how sparingly and how fast AWS is used, on the stand-in for it.

With AWS's documented rate limits, and answers after 0.3 s for RunTask and 0.05 s for everything else.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from control_plane.access.local_stacks import StackAccess
from control_plane.cli.output import note

from benchmarks.figures import Row, Target, print_table
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
MOST_CALLS_POLLING = 0.3
MOST_CALLS_WITH_EVENTS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ecs", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long running tasks are watched, each way")
    minutes: float = parser.parse_args().minutes
    print_table(asyncio.run(_measured(minutes)))


async def calls_of_running_tasks(*, tasks: int, minutes: float) -> list[Row]:
    """How many calls of AWS a running task costs per minute, without the events queue and with it."""
    async with cloud() as (project, aws):
        rows = [await _watched(project, aws, tasks=tasks, minutes=minutes, how="polling", most=MOST_CALLS_POLLING)]
    async with cloud(has_events=True) as (project, aws):
        return [
            *rows,
            await _watched(project, aws, tasks=tasks, minutes=minutes, how="with events", most=MOST_CALLS_WITH_EVENTS),
        ]


async def _measured(minutes: float) -> list[Row]:
    async with cloud() as (project, aws):
        rows = [await _burst(project, aws)]
    async with cloud() as (project, aws):
        rows.append(await _watched(project, aws, tasks=TASKS, minutes=minutes, how="polling", most=MOST_CALLS_POLLING))
        rows.append(await _fresh(project, aws))
    async with cloud(has_events=True) as (project, aws):
        rows.append(
            await _watched(project, aws, tasks=TASKS, minutes=minutes, how="with events", most=MOST_CALLS_WITH_EVENTS)
        )
    return rows


@asynccontextmanager
async def cloud(*, has_events: bool = False) -> AsyncIterator[tuple[Project, Control]]:
    """A stack on the stand-in, a project in it, and the control of the stand-in."""
    async with stack_on_aws(has_events=has_events) as (access, control):
        project = Project(access, "bench", image=str)
        yield project, control
        await project.http.aclose()


@asynccontextmanager
async def stack_on_aws(*, has_events: bool = False) -> AsyncIterator[tuple[StackAccess, Control]]:
    """A stack on the stand-in, with AWS's rate limits and times to answer."""
    with tempfile.TemporaryDirectory(prefix="cp-bench-") as folder:
        async with (
            running_stand_in(has_event_queue=has_events) as aws,
            dev(Path(folder) / "data", Ports.free(), provisioner=ProvisionerName.ECS, **aws.environment) as stack,
        ):
            access = await stack.ready()
            await aws.control.set(has_rate_limits=True, answer_seconds=ANSWER_SECONDS)
            await aws.control.delay("*", 0.05)
            await aws.control.delay("RunTask", 0.3)
            yield access, aws.control


async def _burst(project: Project, aws: Control) -> Row:
    """300 invocations as fast as they can be submitted."""
    await project.deploy(*FUNCTIONS, folder=Path(ANSWER_IMAGE), max_concurrency=100, timeout_seconds=600)
    note(f"submitting {TASKS} invocations …")
    submitted = await _submit_all(project, TASKS)
    note("waiting for their ends …")
    ended = [await project.ended(function, invocation_id) for function, invocation_id in submitted]
    outcomes = [execution["outcome"] for invocation in ended for execution in invocation["executions"]]
    launches = [call for call in await aws.calls("RunTask") if call.result == "ok" and call.task_arns]
    times = sorted(call.time for call in launches)
    tasks = {arn for call in launches for arn in call.task_arns}
    throttled = len([call for call in await aws.calls() if call.result == "ThrottlingException"])
    note(f"{outcomes.count('SUCCEEDED')} succeeded in {len(tasks)} tasks; {throttled} calls were throttled")
    return Row(
        what=f"burst of {TASKS}: RunTask",
        unit="/s",
        figures=[(len(times) - 1) / (times[-1] - times[0])],
        target=Target(comparison="at least", bound=15),
    )


async def _watched(project: Project, aws: Control, *, tasks: int, minutes: float, how: str, most: float) -> Row:
    """Containers that run and say nothing."""
    await project.deploy(*FUNCTIONS, "fresh", folder=Path(HOLD_IMAGE), max_concurrency=100, timeout_seconds=3_600)
    note(f"starting {tasks} tasks on the stand-in for AWS …")
    await _submit_all(project, tasks)
    while sum(task.status == "RUNNING" for task in await aws.tasks()) < tasks:
        await asyncio.sleep(0.5)
    heard = await project.invoke("fresh")  # events are relied on from the first that is heard
    await project.container("fresh", heard)
    await project.cancel("fresh", heard)
    await project.ended("fresh", heard)
    await asyncio.sleep(10)  # looks at what has just been started are over
    note(f"watching them for {minutes:g} minutes, {how} …")
    await aws.reset_calls()
    await asyncio.sleep(minutes * 60)
    return Row(
        what=f"AWS calls of {tasks} running tasks, {how}",
        unit="per task-minute",
        figures=[sum((await aws.counts()).values()) / (tasks * minutes)],
        # In less than a minute there is a reconciliation or not, as chance has it.
        target=Target(comparison="at most", bound=most) if minutes >= 1 else None,
    )


async def _fresh(project: Project, aws: Control) -> Row:
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
    return Row(
        what=f"submit to RunTask, {TASKS} running",
        unit="s",
        figures=seconds,
        target=Target(comparison="at most", bound=0.3),
    )


async def _submit_all(project: Project, count: int) -> list[tuple[str, str]]:
    names = [FUNCTIONS[number % len(FUNCTIONS)] for number in range(count)]
    submitted: list[tuple[str, str]] = []

    async def submit() -> None:
        while names:
            name = names.pop()
            submitted.append((name, await project.invoke(name)))

    await asyncio.gather(*(submit() for _ in range(SUBMITTERS)))
    return submitted


if __name__ == "__main__":
    main()
