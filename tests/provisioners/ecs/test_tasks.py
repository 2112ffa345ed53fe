"""Watching and stopping tasks."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.identifiers import ExecutionId
from domain.workers import ExitCause, Worker, WorkerRequest
from provisioners.ecs.configuration import EcsConfiguration
from provisioners.ecs.opening import open_ecs_client, open_ecs_provisioner
from provisioners.ecs.provisioner import EcsProvisioner
from provisioners.ecs.tasks import TaskWatch, polling_interval
from tests.aws.control import Control
from tests.provisioners.ecs.conftest import NOW
from tests.provisioners.ecs.scenery import worker_request


@pytest.fixture
def request_of(prepared: str, execution_id: ExecutionId) -> WorkerRequest:
    return worker_request(prepared, execution_id=execution_id)


@pytest.fixture
async def worker(provisioner: EcsProvisioner, aws: Control, request_of: WorkerRequest) -> Worker:
    """One that runs."""
    details = await provisioner.launch(request_of, age=NOW)
    await aws.wait_for(details.identifier, "RUNNING")
    return Worker(name=request_of.name, details=details)


async def test_a_stop_is_known_again_by_its_reason(provisioner: EcsProvisioner, worker: Worker) -> None:
    await provisioner.stop(worker)
    await provisioner.stop(worker)
    assert (await provisioner.stopped(worker)).cause is ExitCause.STOPPED
    await provisioner.stop(worker)


async def test_a_task_is_watched_and_stopped_where_it_runs_whatever_the_settings_say_now(
    chosen: EcsConfiguration, worker: Worker
) -> None:
    async with open_ecs_provisioner(replace(chosen, cluster="another")) as moved:
        await moved.stop(worker)
        assert (await moved.stopped(worker)).cause is ExitCause.STOPPED


async def test_stopping_what_ecs_has_forgotten_is_a_success(
    provisioner: EcsProvisioner, aws: Control, worker: Worker
) -> None:
    await aws.vanish(worker.details.identifier)
    await provisioner.stop(worker)


async def test_a_task_that_is_not_visible_yet_is_not_lost(
    provisioner: EcsProvisioner, aws: Control, request_of: WorkerRequest
) -> None:
    await aws.set(visibility_delay_seconds=1.0)
    details = await provisioner.launch(request_of, age=NOW)
    waiting = asyncio.create_task(provisioner.stopped(Worker(name=request_of.name, details=details)))
    await aws.wait_for(details.identifier, "RUNNING")
    await aws.end(details.identifier, 0)
    assert (await waiting).reason == "exited without a result"


async def test_a_task_that_stays_unknown_is_lost(chosen: EcsConfiguration, aws: Control, worker: Worker) -> None:
    await aws.vanish(worker.details.identifier)
    async with open_ecs_client(chosen) as client:
        watch = TaskWatch(client, has_events=False, patience=timedelta(seconds=1))
        assert (await watch.stopped(worker.details.identifier)).cause is ExitCause.LOST


async def test_a_missing_permission_to_look_is_waited_out(
    provisioner: EcsProvisioner, aws: Control, worker: Worker
) -> None:
    await aws.deny("DescribeTasks", calls=2)
    await aws.end(worker.details.identifier, 3)
    assert (await provisioner.stopped(worker)).exit_code == 3


async def test_whoever_is_told_of_an_end_sees_it_at_once(
    chosen: EcsConfiguration, aws: Control, worker: Worker
) -> None:
    """With events a look comes once a minute, unless there is a hint."""
    arn = worker.details.identifier
    async with open_ecs_client(chosen) as client:
        watch = TaskWatch(client, has_events=True)
        waiting = asyncio.create_task(watch.stopped(arn))
        while not await aws.calls("DescribeTasks"):
            await asyncio.sleep(0.02)
        await aws.end(arn, 0)
        await aws.wait_for(arn, "STOPPED")
        watch.look_soon(arn)
        async with asyncio.timeout(5):
            await waiting


async def test_a_cluster_that_cannot_be_looked_at_blinds_only_its_own(
    provisioner: EcsProvisioner, aws: Control, worker: Worker
) -> None:
    lost = replace(worker, details=replace(worker.details, identifier=_in_cluster(worker, "another")))
    waiting = asyncio.create_task(provisioner.stopped(lost))
    while not await aws.calls("DescribeTasks"):
        await asyncio.sleep(0.02)
    await aws.end(worker.details.identifier, 3)
    async with asyncio.timeout(5):
        assert (await provisioner.stopped(worker)).exit_code == 3
    assert not waiting.done()
    waiting.cancel()


def _in_cluster(worker: Worker, cluster: str) -> str:
    where, _, task_id = worker.details.identifier.rpartition("/")
    return f"{where.rpartition('/')[0]}/{cluster}/{task_id}"


@pytest.mark.parametrize(
    ("tasks", "calls_per_second"), [(1, 2), (25, 2), (26, 1), (100, 1), (200, 1), (300, 1.5), (900, 4.5)]
)
def test_looks_stay_below_a_quarter_of_the_accounts_calls(tasks: int, calls_per_second: float) -> None:
    calls_per_round = -(-tasks // 100)
    assert calls_per_round / polling_interval(tasks).total_seconds() == calls_per_second < 5
