"""One task for each launch, whatever becomes of requests, answers, settings and tokens."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from control_plane_server.domain.containers import Container, ContainerName, ExitCause
from control_plane_server.domain.entities import ContainerType
from control_plane_server.domain.errors import ContainerError, LaunchIsLost, Misconfigured, NoCapacity, Unavailable
from control_plane_server.domain.identifiers import ExecutionId
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.factory import open_ecs_provisioner
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from tests.aws.control import Control
from tests.aws.wire import Fault
from tests.provisioners.ecs.builders import container_request
from tests.provisioners.ecs.conftest import LONG_AGO, NOW

SETTLED = timedelta(seconds=20)


async def tasks_of(aws: Control, execution_id: ExecutionId) -> list[str]:
    started_by = f"{execution_id}-1"
    return [task.arn for task in await aws.tasks() if task.description.get("startedBy") == started_by]


async def test_a_launch_that_is_repeated_finds_its_task(
    provisioner: EcsProvisioner, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    request = container_request(prepared, execution_id=execution_id)
    details = await asyncio.gather(*(provisioner.launch(request, age=NOW) for _ in range(5)))
    assert len(set(details)) == 1
    (arn,) = await tasks_of(aws, execution_id)
    task_id = arn.rpartition("/")[2]
    assert (details[0].type, details[0].identifier) == (ContainerType.AWS_ECS, arn)
    assert details[0].logs_identifier == f"ecs/main/{task_id}"


async def test_a_task_that_has_ended_is_found_too(
    provisioner: EcsProvisioner, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    request = container_request(prepared, execution_id=execution_id)
    details = await provisioner.launch(request, age=NOW)
    await aws.wait_for(details.identifier, "RUNNING")
    await aws.end(details.identifier, 7)
    await aws.wait_for(details.identifier, "STOPPED")
    assert await provisioner.launch(request, age=NOW) == details
    exit_of = await provisioner.wait_for_exit(Container(name=request.name, details=details))
    assert (exit_of.cause, exit_of.exit_code) == (ExitCause.EXITED, 7)


async def test_the_task_of_a_request_that_was_sent_with_other_settings_is_adopted(
    provisioner: EcsProvisioner, chosen: EcsConfiguration, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    request = container_request(prepared, execution_id=execution_id)
    details = await provisioner.launch(request, age=NOW)
    async with open_ecs_provisioner(replace(chosen, assigns_public_ip=False)) as changed:
        assert await changed.launch(request, age=NOW) == details
    assert "ConflictException" in [call.result for call in await aws.calls("RunTask")]
    assert len(await tasks_of(aws, execution_id)) == 1


async def test_a_launch_whose_token_may_be_forgotten_is_looked_for_and_not_sent_again(
    provisioner: EcsProvisioner, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    request = container_request(prepared, execution_id=execution_id)
    details = await provisioner.launch(request, age=NOW)
    await aws.reset_calls()
    assert await provisioner.launch(request, age=LONG_AGO) == details
    assert await aws.calls("RunTask") == []


async def test_a_launch_that_is_too_old_to_be_told_of_is_lost(
    provisioner: EcsProvisioner, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    with pytest.raises(LaunchIsLost):
        await provisioner.launch(container_request(prepared, execution_id=execution_id), age=LONG_AGO)
    assert await tasks_of(aws, execution_id) == []


async def test_a_refusal_may_be_repeated_for_the_same_token_and_not_for_the_next(
    provisioner: EcsProvisioner, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    await aws.lack_capacity(calls=1)
    first = container_request(prepared, execution_id=execution_id)
    with pytest.raises(NoCapacity):
        await provisioner.launch(first, age=NOW)
    with pytest.raises(NoCapacity):
        await provisioner.launch(first, age=NOW)
    await provisioner.launch(container_request(prepared, execution_id=execution_id, launch=2), age=NOW)


async def test_a_refusal_that_comes_again_with_other_settings_names_no_task(
    provisioner: EcsProvisioner, chosen: EcsConfiguration, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    await aws.lack_capacity(calls=1)
    request = container_request(prepared, execution_id=execution_id)
    with pytest.raises(NoCapacity):
        await provisioner.launch(request, age=NOW)
    async with open_ecs_provisioner(replace(chosen, assigns_public_ip=False)) as changed:
        with pytest.raises(NoCapacity):
            await changed.launch(request, age=NOW)


async def test_what_was_launched_is_found_by_withdrawing_it(
    provisioner: EcsProvisioner, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    await aws.set(visibility_delay_seconds=1.5)
    request = container_request(prepared, execution_id=execution_id)
    details = await provisioner.launch(request, age=NOW)
    assert await provisioner.withdraw(request.name, age=NOW) == details, "though it is not listed at once"


async def test_what_was_never_launched_is_not_found(provisioner: EcsProvisioner, execution_id: ExecutionId) -> None:
    assert await provisioner.withdraw(ContainerName(execution_id=execution_id, launch=1), age=SETTLED) is None


@pytest.mark.parametrize(
    ("setting", "said", "kind"),
    [
        ({"subnets": ("subnet-00000000",)}, "subnet-00000000", Misconfigured),
        ({"security_groups": ("sg-00000000",)}, "sg-00000000", Misconfigured),
        # The policy is for one cluster. In the first minute a permission may still spread.
        ({"cluster": "nowhere"}, "lacks a permission in AWS: ecs:RunTask", Unavailable),
    ],
)
async def test_what_an_operator_has_set_wrongly_is_named(
    *,
    provisioner: EcsProvisioner,
    chosen: EcsConfiguration,
    prepared: str,
    execution_id: ExecutionId,
    setting: dict[str, object],
    said: str,
    kind: type[ContainerError],
) -> None:
    async with open_ecs_provisioner(replace(chosen, **setting)) as wrong:  # type: ignore[arg-type]
        with pytest.raises(kind, match=said):
            await wrong.launch(container_request(prepared, execution_id=execution_id), age=NOW)


async def test_without_an_answer_nobody_is_at_fault(
    provisioner: EcsProvisioner, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    await aws.order(Fault(action="RunTask", kind="refuse"))
    with pytest.raises(Unavailable):
        await provisioner.launch(container_request(prepared, execution_id=execution_id), age=NOW)


async def live(provisioner: EcsProvisioner) -> list[Container]:
    """Of all pages."""
    page = await provisioner.list_live_containers()
    found = [*page.containers]
    while page.next_page is not None:
        page = await provisioner.list_live_containers(page.next_page)
        found += page.containers
    return found


async def test_live_containers_are_those_that_we_named(
    provisioner: EcsProvisioner, chosen: EcsConfiguration, aws: Control, prepared: str, execution_id: ExecutionId
) -> None:
    request = container_request(prepared, execution_id=execution_id)
    details = await provisioner.launch(request, age=NOW)
    assert Container(name=request.name, details=details) in await live(provisioner)
    await provisioner.stop(Container(name=request.name, details=details))
    await aws.wait_for(details.identifier, "STOPPED")
    assert execution_id not in {container.name.execution_id for container in await live(provisioner)}
