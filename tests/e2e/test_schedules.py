"""Schedules through the whole stack: declared, called, changed by deploys, filled up, and gone with their project."""

import asyncio
import time

import pytest
from sqlalchemy import select
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from control_plane_server.catalog.database import Database
from control_plane_server.catalog.schedules.table import ScheduleRow
from environment.provisioner_names import ProvisionerName
from tests.e2e.project import PROGRAMS, Json, Project

pytestmark = pytest.mark.platforms(ProvisionerName.PROCESS)


async def deploy(project: Project, *schedules: Json) -> None:
    body = {
        "default_docker_image": PROGRAMS.as_uri(),
        "functions": [
            {
                "function_name": "say",
                "command": ["sh", "-c", 'cat; printf " at %s" "$CONTROL_PLANE_SCHEDULED_TIME"'],
                "resource_spec": {"virtual_cpus": 0.25, "memory_gbs": 0.5, "max_concurrency": 5},
                "execution_spec": {"max_retries": 0, "timeout_seconds": 60},
                "schedules": list(schedules),
            }
        ],
    }
    await project.http.put(f"/projects/{project.name}")
    answer = await project.http.post(f"/projects/{project.name}/versions", json=body)
    assert answer.status_code == 200, answer.text


async def schedule_id(catalog: Database, project: Project, name: str) -> str:
    async with catalog.statement() as connection:
        found = select(ScheduleRow.schedule_id).where(
            ScheduleRow.project_name == project.name, ScheduleRow.schedule_name == name
        )
        return (await connection.execute(found)).scalar_one()


async def is_in_temporal(temporal: Client, schedule_id: str) -> bool:
    try:
        await temporal.get_schedule_handle(schedule_id).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def test_a_schedule_follows_what_is_deployed(project: Project, temporal: Client, catalog: Database) -> None:
    schedules = f"/projects/{project.name}/schedules"
    await deploy(project, {"name": "often", "every_seconds": 1, "input": "hello", "overlap": "buffer_one"})
    called: list[Json] = []
    while len(called) < 2:
        await asyncio.sleep(0.1)
        called = (await project.http.get(f"/projects/{project.name}/invocations")).json()["invocations"]
    invocation = await project.ended("say", called[-1]["invocation_id"])
    assert invocation["schedule_name"] == "often"
    assert invocation["scheduled_time"] <= invocation["creation_time"]
    assert invocation["executions"][0]["output"] == f"hello at {invocation['scheduled_time']}"
    often = await schedule_id(catalog, project, "often")
    assert await is_in_temporal(temporal, often)

    await deploy(project)
    assert not await is_in_temporal(temporal, often)
    assert (await project.http.get(schedules)).json()["schedules"] == []

    hourly = {"function_name": "say", "cron": "0 * * * *", "timezone": "Europe/Berlin", "input": "x"}
    assert (await project.http.put(f"{schedules}/hourly", json=hourly)).status_code == 200
    next_times = (await project.http.get(f"{schedules}/hourly")).json()["next_times"]
    assert [moment - next_times[0] for moment in next_times] == [3_600 * hour for hour in range(10)]
    span = {"start": int(time.time()) - 3 * 3_600, "end": int(time.time()) + 3_600}
    filled = [(await project.http.post(f"{schedules}/hourly/backfill", json=span)).json() for _ in range(2)]
    assert [(one["times"], len(one["invocation_ids"])) for one in filled] == [(3, 3), (3, 0)]
    outputs = {
        (await project.ended("say", invocation_id))["executions"][0]["output"]
        for invocation_id in filled[0]["invocation_ids"]
    }
    assert outputs == {f"x at {next_times[0] - 3_600 * hour}" for hour in (1, 2, 3)}
    too_many = {"start": 0, "end": int(time.time())}
    assert (await project.http.post(f"{schedules}/hourly/backfill", json=too_many)).status_code == 400

    by_hand = await schedule_id(catalog, project, "hourly")
    await project.http.delete(f"/projects/{project.name}")
    while (await project.http.get(f"/projects/{project.name}")).status_code != 404:
        await asyncio.sleep(0.05)
    assert not await is_in_temporal(temporal, by_hand)
