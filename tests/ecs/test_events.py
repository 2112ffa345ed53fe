"""With an events queue, exits are pushed, and ECS is asked once a minute. All `loop` processes share the queue."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from control_plane.access.local_stacks import StackAccess

from activities.container_events import relay_container_events
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import CONTAINERS_CHANNEL, NotificationListener
from environment.provisioner_names import ProvisionerName
from tests.aws.control import Control
from tests.aws.process import running_stand_in
from tests.cli.stacks import Ports, dev
from tests.e2e.project import Project, lines_of
from tests.ecs.conftest import FUNCTIONS, IMAGE

RULE = Path(__file__).parents[2] / "iam_permissions" / "task_events_rule.json"


@pytest.fixture(scope="module")
async def stack_with_events(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[StackAccess, Control]]:
    """A stack that is told of ends."""
    folder = tmp_path_factory.mktemp("told") / "data"
    async with running_stand_in(has_event_queue=True) as aws:
        await aws.control.register_image(IMAGE, FUNCTIONS)
        async with dev(folder, Ports.free(), provisioner=ProvisionerName.ECS, **aws.environment) as stack:
            access = await stack.ready()
            project = Project(access, "heard", image=lambda _: IMAGE)
            await project.deploy("double")
            await project.ended("double", await project.invoke("double", number=1))  # from the first event on
            await project.http.aclose()
            yield access, aws.control


@pytest.fixture
async def with_events(stack_with_events: tuple[StackAccess, Control]) -> AsyncIterator[tuple[Project, Control]]:
    """A project of the test's own."""
    stack, aws = stack_with_events
    await aws.reset()
    project = Project(stack, f"events-{uuid.uuid4().hex}", image=lambda _: IMAGE)
    yield project, aws
    await project.http.aclose()


def test_the_rule_is_for_ends_of_tasks_of_the_cluster() -> None:
    rule = json.loads(RULE.read_text())
    assert rule["detail"]["lastStatus"] == ["DEPROVISIONING", "STOPPED"]
    assert rule["detail"]["clusterArn"] == ["arn:PARTITION:ecs:REGION:ACCOUNT:cluster/CLUSTER_NAME"]


async def test_an_end_that_nobody_reports_is_seen_long_before_the_next_look(
    with_events: tuple[Project, Control], tmp_path: Path
) -> None:
    """The container is killed, so that only ECS knows; looks at what has just been started are over by then."""
    project, aws = with_events
    await project.deploy("note_and_hold", max_retries=0)
    notes = tmp_path / "notes"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(tmp_path / "never"))
    await lines_of(notes)
    task = await project.container("note_and_hold", invocation_id)
    await _quiet(aws)
    await aws.reset_calls()
    await aws.lose_host(task)
    async with asyncio.timeout(10):
        await lines_of(notes, at_least=2)
    assert len(await aws.calls("DescribeTasks")) <= 3
    await project.cancel("note_and_hold", invocation_id)
    await project.ended("note_and_hold", invocation_id)


async def test_a_lost_event_costs_the_time_to_the_next_look_and_nothing_else(
    with_events: tuple[Project, Control], tmp_path: Path
) -> None:
    project, aws = with_events
    await aws.set(event_copies=0)
    await project.deploy("note_and_hold")
    notes, release = tmp_path / "notes", tmp_path / "release"
    invocation_id = await project.invoke("note_and_hold", notes=str(notes), release=str(release))
    await lines_of(notes)
    await _quiet(aws)
    release.touch()
    (execution,) = (await project.ended("note_and_hold", invocation_id))["executions"]
    assert execution["outcome"] == "SUCCEEDED"


async def test_what_one_process_hears_every_process_is_told(database: Database) -> None:
    class Ends:
        """Two ends, and then nothing."""

        async def receive(self) -> AsyncIterator[tuple[str, ...]]:
            yield ("one", "other")
            await asyncio.Event().wait()

    async with (
        NotificationListener(database.url, [CONTAINERS_CHANNEL]) as listener,
        listener.subscribe((CONTAINERS_CHANNEL, "one")) as one,
        listener.subscribe((CONTAINERS_CHANNEL, "other")) as other,
    ):
        await one.wait()  # listening has begun
        one.clear()
        other.clear()
        async with relay_container_events(Ends(), database, heard=lambda *, are_heard: None), asyncio.timeout(10):
            await asyncio.gather(one.wait(), other.wait())


async def _quiet(aws: Control) -> None:
    """Until nobody has looked at a task for some seconds."""
    counts = (await aws.counts()).get("DescribeTasks", 0)
    while True:
        await asyncio.sleep(5)
        now = (await aws.counts()).get("DescribeTasks", 0)
        if now == counts:
            return
        counts = now
