"""Watching and stopping tasks."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from control_plane_server.domain.containers import Container, ContainerRequest, ExitCause
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.factory import open_ecs_client, open_ecs_provisioner
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from control_plane_server.provisioners.ecs.tasks import TaskWatch, polling_interval
from tests.aws.control import Control
from tests.provisioners.ecs.builders import container_request
from tests.provisioners.ecs.conftest import NOW


@pytest.fixture
def request_of(prepared: str, execution_id: ExecutionId) -> ContainerRequest:
    return container_request(prepared, execution_id=execution_id)


@pytest.fixture
async def container(provisioner: EcsProvisioner, aws: Control, request_of: ContainerRequest) -> Container:
    """One that runs."""
    details = await provisioner.launch(request_of, age=NOW)
    await aws.wait_for(details.identifier, "RUNNING")
    return Container(name=request_of.name, details=details)


async def test_a_stop_is_known_again_by_its_reason(provisioner: EcsProvisioner, container: Container) -> None:
    await provisioner.stop(container)
    await provisioner.stop(container)
    assert (await provisioner.wait_for_exit(container)).cause is ExitCause.STOPPED
    await provisioner.stop(container)


async def test_a_task_is_watched_and_stopped_where_it_runs_whatever_the_settings_say_now(
    chosen: EcsConfiguration, container: Container
) -> None:
    async with open_ecs_provisioner(replace(chosen, cluster="another")) as moved:
        await moved.stop(container)
        assert (await moved.wait_for_exit(container)).cause is ExitCause.STOPPED


async def test_stopping_what_ecs_has_forgotten_is_a_success(
    provisioner: EcsProvisioner, aws: Control, container: Container
) -> None:
    await aws.vanish(container.details.identifier)
    await provisioner.stop(container)


async def test_a_task_that_is_not_visible_yet_is_not_lost(
    provisioner: EcsProvisioner, aws: Control, request_of: ContainerRequest
) -> None:
    await aws.set(visibility_delay_seconds=1.0)
    details = await provisioner.launch(request_of, age=NOW)
    waiting = asyncio.create_task(provisioner.wait_for_exit(Container(name=request_of.name, details=details)))
    await aws.wait_for(details.identifier, "RUNNING")
    await aws.end(details.identifier, 0)
    assert (await waiting).reason == "exited without a result"


async def test_a_task_that_stays_unknown_is_lost(chosen: EcsConfiguration, aws: Control, container: Container) -> None:
    await aws.vanish(container.details.identifier)
    async with open_ecs_client(chosen) as client:
        watch = TaskWatch(client, patience=timedelta(seconds=1))
        assert (await watch.wait_for_exit(container.details.identifier)).cause is ExitCause.LOST


async def test_one_that_has_an_outcome_and_is_unknown_is_gone_at_once(
    provisioner: EcsProvisioner, aws: Control, container: Container
) -> None:
    await aws.vanish(container.details.identifier)
    waiting = asyncio.create_task(provisioner.wait_for_exit(container))
    await asyncio.sleep(0)  # it begins
    provisioner.check_soon(container, has_outcome=True)
    async with asyncio.timeout(30):
        assert (await waiting).reason == "ECS does not know the task any more"


async def test_one_that_has_an_outcome_is_gone_before_its_network_interface_is(
    provisioner: EcsProvisioner, aws: Control, container: Container
) -> None:
    await aws.set(deprovisioning_seconds=60.0)
    waiting = asyncio.create_task(provisioner.wait_for_exit(container))
    await aws.end(container.details.identifier, 0)
    await aws.wait_for(container.details.identifier, "DEPROVISIONING")
    provisioner.check_soon(container, has_outcome=True)
    async with asyncio.timeout(30):
        assert (await waiting).exit_code == 0
    assert (await aws.task(container.details.identifier)).status == "DEPROVISIONING"


async def test_a_task_that_does_not_start_is_stopped_and_lost(
    chosen: EcsConfiguration, provisioner: EcsProvisioner, aws: Control, request_of: ContainerRequest
) -> None:
    """Though the first stop is refused."""
    await aws.set(provisioning_seconds=600.0)
    await aws.deny("StopTask", calls=1)
    details = await provisioner.launch(request_of, age=NOW)
    async with open_ecs_client(chosen) as client, asyncio.timeout(60):
        watch = TaskWatch(client, start_limit=timedelta(seconds=1))
        ended = await watch.wait_for_exit(details.identifier)
    assert (ended.cause, ended.failed_to_start) == (ExitCause.LOST, True)
    assert "failed to start" in ended.reason


async def test_a_missing_permission_to_look_is_waited_out(
    provisioner: EcsProvisioner, aws: Control, container: Container
) -> None:
    await aws.deny("DescribeTasks", calls=2)
    await aws.end(container.details.identifier, 3)
    assert (await provisioner.wait_for_exit(container)).exit_code == 3


async def test_whoever_is_told_of_an_end_sees_it_at_once(
    chosen: EcsConfiguration, aws: Control, container: Container
) -> None:
    """With events a look comes once a minute, unless there is a hint."""
    arn = container.details.identifier
    async with open_ecs_client(chosen) as client:
        watch = TaskWatch(client)
        watch.rely_on_events(are_heard=True)
        waiting = asyncio.create_task(watch.wait_for_exit(arn))
        while not await aws.calls("DescribeTasks"):
            await asyncio.sleep(0.02)
        await aws.end(arn, 0)
        await aws.wait_for(arn, "STOPPED")
        watch.check_soon(arn, has_outcome=False)
        async with asyncio.timeout(5):
            await waiting


async def test_a_cluster_that_cannot_be_looked_at_blinds_only_its_own(
    provisioner: EcsProvisioner, aws: Control, container: Container
) -> None:
    lost = replace(container, details=replace(container.details, identifier=_in_cluster(container, "another")))
    waiting = asyncio.create_task(provisioner.wait_for_exit(lost))
    while not await aws.calls("DescribeTasks"):
        await asyncio.sleep(0.02)
    await aws.end(container.details.identifier, 3)
    async with asyncio.timeout(5):
        assert (await provisioner.wait_for_exit(container)).exit_code == 3
    assert not waiting.done()
    waiting.cancel()


def _in_cluster(container: Container, cluster: str) -> str:
    where, _, task_id = container.details.identifier.rpartition("/")
    return f"{where.rpartition('/')[0]}/{cluster}/{task_id}"


@pytest.mark.parametrize(
    ("tasks", "calls_per_second"), [(1, 2), (25, 2), (26, 1), (100, 1), (200, 1), (300, 1.5), (900, 4.5)]
)
def test_looks_stay_below_a_quarter_of_the_accounts_calls(tasks: int, calls_per_second: float) -> None:
    calls_per_round = -(-tasks // 100)
    assert calls_per_round / polling_interval(tasks).total_seconds() == calls_per_second < 5
