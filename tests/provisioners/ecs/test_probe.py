"""A task that the doctor starts, to see whether containers reach the API."""

import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from control_plane_server.cli.doctor.route import verdict
from control_plane_server.domain.entities import Function
from control_plane_server.domain.identifiers import FunctionName, FunctionRef, ProjectName, VersionId
from control_plane_server.domain.platforms import NO_PLATFORM
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.probe import Probed, probe_task, run_probe
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from tests.aws.control import Control
from tests.ecs.conftest import FUNCTIONS
from tests.provisioners.ecs.builders import function
from tests.sdk.api_stub import StubState, serving
from tests.sdk.certificates import write_certificate

REF = FunctionRef(
    project_name=ProjectName("probed"), version_id=VersionId("ver-1"), function_name=FunctionName("note_and_hold")
)
PATIENCE = timedelta(minutes=2)


@pytest.fixture
async def prepared(aws: Control, provisioner: EcsProvisioner) -> str:
    """A task definition, of which the image has the program."""
    await aws.register_image("registry.example.com/probed:1", FUNCTIONS)
    return (await provisioner.prepare(function(REF, docker_image="registry.example.com/probed:1"))).identifier


@pytest.fixture
async def held_definition(provisioner: EcsProvisioner, held: Function) -> str:
    """One whose containers run until they are stopped."""
    return (await provisioner.prepare(held)).identifier


async def probed(configuration: EcsConfiguration, prepared: str, api_url: str) -> Probed:
    there = replace(configuration, api_url=api_url)
    return await run_probe(there, probe_task(prepared, REF, NO_PLATFORM, there), patience=PATIENCE)


async def test_a_task_reaches_the_api_and_nothing_of_the_user_runs(chosen: EcsConfiguration, prepared: str) -> None:
    state = StubState()
    with serving(state) as url:
        found = await probed(chosen, prepared, url)
    check = verdict(found, url)
    assert (check.health, check.finding.partition(",")[0]) == ("ok", f"a task has reached {url}")
    assert (len(state.requests), state.starts) == (1, [])


async def test_a_certificate_that_containers_do_not_trust(
    chosen: EcsConfiguration, prepared: str, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(tmp_path).chain)
    with serving(StubState(), tls=context) as url:
        check = verdict(await probed(chosen, prepared, url), url)
    assert check.health == "failed"
    assert check.finding.startswith("This container could not reach MULTINODE_API_URL")
    assert "CERTIFICATE_VERIFY_FAILED" in check.finding


async def test_a_task_that_does_not_start(aws: Control, chosen: EcsConfiguration, prepared: str) -> None:
    await aws.fail_to_start("CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout")
    check = verdict(await probed(chosen, prepared, "http://127.0.0.1:1"), "http://127.0.0.1:1")
    assert check.health == "failed"
    assert "i/o timeout" in check.finding


async def test_a_task_that_takes_too_long_is_stopped(
    aws: Control, chosen: EcsConfiguration, held_definition: str
) -> None:
    request = probe_task(held_definition, REF, NO_PLATFORM, chosen)
    found = await run_probe(chosen, request, patience=timedelta(seconds=0.5))
    check = verdict(found, chosen.api_url)
    assert check.health == "failed"
    assert "was stopped" in check.finding
    (task,) = [one for one in await aws.tasks() if one.description.get("startedBy") == request["startedBy"]]
    await aws.wait_for(task.arn, "STOPPED")
