"""`python -m benchmarks.ecs_pace`: how soon short functions are done at AWS's pace, and what starts that fail cost.

On the stand-in for AWS, with the times that Fargate takes by public task records, scaled; the control plane's own times
are not, so they count for more than on AWS.
"""

import argparse
import asyncio
import time
from collections import Counter
from pathlib import Path

from control_plane.cli.output import note

from benchmarks.ecs import FUNCTIONS, SUBMITTERS, cloud
from benchmarks.figures import Row, Target, print_table
from control_plane_server.domain.containers import ContainerName
from tests.aws.control import Control
from tests.aws.start_failures import NO_ROUTE_TO_ECR, PASSING
from tests.aws.timings import ON_FARGATE, timings
from tests.aws.wire import ANSWER_IMAGE
from tests.e2e.project import Json, Project

CALLS = 300
AT_ONCE = 10
CALL_SECONDS = 5.0  # as on AWS
LAUNCHES = 1_000
ONE_START_IN = 100
MOST_TASKS_IN_VAIN = 6
SCALE = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.ecs_pace", description=__doc__)
    parser.add_argument("--scale", type=float, default=SCALE, help="how long the states of a task take; 1: as on AWS")
    parser.add_argument("--only", choices=("burst", "starts", "network"), help="this part alone")
    options = parser.parse_args()
    rows = asyncio.run(_measured(options.scale, options.only))
    print_table(rows)


async def _measured(scale: float, only: str | None) -> list[Row]:
    async with cloud() as (project, aws):
        rows = []
        if only in (None, "burst"):
            rows.append(await _burst(project, aws, scale))
        await aws.set(**timings())
        if only in (None, "starts"):
            rows += await _failing_starts(project, aws)
        if only in (None, "network"):
            rows.append(await _wrong_network(project, aws))
    return rows


async def _burst(project: Project, aws: Control, scale: float) -> Row:
    """Short calls that wait for few slots; and the same where ECS tells of the end of a container with that of its task
    alone, so that each slot is held until then."""
    await project.deploy("short", folder=Path(ANSWER_IMAGE), max_concurrency=AT_ONCE, timeout_seconds=3_600)
    seconds = []
    for how, times in (("as ECS tells of ends", timings(scale)), ("held until STOPPED", _told_last(scale))):
        await aws.set(**times, answer_seconds=CALL_SECONDS * scale)
        note(f"{CALLS} calls of {CALL_SECONDS:g} s, {AT_ONCE} at a time, {how}, at {scale:g} of AWS's times …")
        began = time.monotonic()
        await _calls(project, ["short"] * CALLS)
        seconds.append((time.monotonic() - began) / scale)
        note(f"done after {seconds[-1]:.0f} s of AWS")
    return Row(
        what=f"{CALLS} calls of {CALL_SECONDS:g} s, {AT_ONCE} at a time",
        unit="s of AWS",
        figures=seconds[:1],
        against_what="each slot held until its task is STOPPED",
        against=seconds[1:],
        target=Target(comparison="at most", bound=0.85),
    )


def _told_last(scale: float) -> dict[str, float]:
    """Times of the same sum, of which all of an end passes before the container is said to be STOPPED."""
    starting = ("provisioning_seconds", "pulling_seconds", "activating_seconds")
    ending = sum(seconds for name, seconds in ON_FARGATE.items() if name not in starting)
    return timings(scale) | {
        "noticing_seconds": ending * scale,
        "deactivating_seconds": 0.0,
        "stopping_seconds": 0.0,
        "deprovisioning_seconds": 0.0,
    }


async def _failing_starts(project: Project, aws: Control) -> list[Row]:
    """What nobody but AWS is to blame for costs no attempt, and starts nothing twice."""
    await project.deploy(*FUNCTIONS, folder=Path(ANSWER_IMAGE), max_concurrency=100, timeout_seconds=600)
    await aws.set(answer_seconds=0.0)
    fault = await aws.fail_to_start(*PASSING, tasks=None, one_in=ONE_START_IN)
    before = len(await aws.tasks())
    note(f"{LAUNCHES} calls, of whose starts one in {ONE_START_IN} fails …")
    ended = await _calls(project, [FUNCTIONS[number % len(FUNCTIONS)] for number in range(LAUNCHES)])
    await aws.clear_faults(fault)
    tasks = [task.description for task in (await aws.tasks())[before:]]
    failed = sum(task.get("stopCode") == "TaskFailedToStart" for task in tasks)
    spent = sum(len(invocation["executions"]) - 1 for invocation in ended)
    unsuccessful = sum(invocation["executions"][-1]["outcome"] != "SUCCEEDED" for invocation in ended)
    launches = Counter(task["startedBy"] for task in tasks)
    ran = Counter(_execution_of(task) for task in tasks if "startedAt" in task)
    doubled = sum(count - 1 for count in (*launches.values(), *ran.values()))
    note(f"{len(tasks)} tasks, {failed} failed to start: {spent} attempts spent, {doubled} doubled")
    none = Target(comparison="at most", bound=0)
    what = f"{failed} failed starts of {len(tasks)}"
    return [
        Row(what=f"{what}: attempts spent", unit="", figures=[spent], target=none),
        Row(what=f"{what}: calls that did not succeed", unit="", figures=[unsuccessful], target=none),
        Row(what=f"{what}: doubled tasks", unit="", figures=[doubled], target=none),
    ]


def _execution_of(task: Json) -> str:
    name = ContainerName.parse(task["startedBy"])
    assert name is not None
    return name.execution_id


async def _wrong_network(project: Project, aws: Control) -> Row:
    """A registry that no task reaches: tried some times, and then said."""
    await project.deploy("unreachable", folder=Path(ANSWER_IMAGE), max_retries=3, timeout_seconds=3_600)
    fault = await aws.fail_to_start(NO_ROUTE_TO_ECR, tasks=None)
    before = len(await aws.tasks())
    note("one call, with three retries, where no task reaches the registry …")
    began = time.monotonic()
    (invocation,) = await _calls(project, ["unreachable"])
    await aws.clear_faults(fault)
    tasks = len(await aws.tasks()) - before
    execution = invocation["executions"][-1]
    note(f"after {time.monotonic() - began:.0f} s and {tasks} tasks: {execution['error_message']}")
    return Row(
        what="tasks of a call whose network is set up wrongly",
        unit="",
        figures=[tasks],
        target=Target(comparison="at most", bound=MOST_TASKS_IN_VAIN),
    )


async def _calls(project: Project, functions: list[str]) -> list[Json]:
    """All of them, submitted as fast as they can be and waited for."""
    waiting, submitted = list(functions), []

    async def submit() -> None:
        while waiting:
            name = waiting.pop()
            submitted.append((name, await project.invoke(name)))

    await asyncio.gather(*(submit() for _ in range(SUBMITTERS)))
    return [await project.ended(name, invocation_id) for name, invocation_id in submitted]


if __name__ == "__main__":
    main()
