"""Executions that share real containers: each one's log has its own lines and none other, by pages and by events."""

import asyncio

import pytest

from tests.api.event_streams import events_of
from tests.e2e.project import Json, Project

NOISE = "noise of a library"
EXECUTIONS = 20
CONTAINERS = 3


def own_lines(number: int, stream: str) -> list[str]:
    return [f"{number}: {stream} {line}" for line in range(1 + number % 4)]


def assert_own(lines: list[str], number: int) -> None:
    """Threads that it has started, or in the same process those before it, may have written meanwhile."""
    said = [line for line in lines if line != NOISE]
    assert [line for line in said if "line" in line] == own_lines(number, "line")
    assert [line for line in said if "line" not in line] == own_lines(number, "warning")


@pytest.mark.parametrize("isolation", ["fork", "process"])
async def test_twenty_executions_in_three_containers(project: Project, isolation: str) -> None:
    reuse = {"idle_seconds": 20, "isolation": isolation}
    await project.deploy("say", reuse=reuse, max_concurrency=CONTAINERS)
    invocation_ids = [await project.invoke("say", number=n, lines=1 + n % 4) for n in range(EXECUTIONS)]
    ended = await asyncio.gather(*(project.ended("say", one) for one in invocation_ids))
    assert [execution_of(one)["output"] for one in ended] == [str(number) for number in range(EXECUTIONS)]
    assert sum(not execution_of(one)["is_warm_start"] for one in ended) <= CONTAINERS
    assert len({execution_of(one)["worker_details"]["identifier"] for one in ended}) <= CONTAINERS
    for number, invocation in enumerate(ended):
        events = await events_of(project.http, project.path("say", invocation["invocation_id"]))
        assert_own([str(event.data["line"]) for event in events if event.name == "log"], number)
        # The events have waited until all of it could be read.
        assert_own(await project.logs("say", invocation), number)


def execution_of(invocation: Json) -> Json:
    execution: Json
    (execution,) = invocation["executions"]
    return execution
