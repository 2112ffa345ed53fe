"""One task definition for each function of a version."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from control_plane_server.domain.entities import ContainerType, Function, PreparedFunction
from control_plane_server.domain.errors import FunctionFailure, Unavailable
from control_plane_server.domain.identifiers import FunctionName
from control_plane_server.provisioners.ecs.configuration import EcsConfiguration
from control_plane_server.provisioners.ecs.factory import open_ecs_client, open_ecs_provisioner
from control_plane_server.provisioners.ecs.provisioner import EcsProvisioner
from control_plane_server.provisioners.ecs.requests import task_definition
from tests.aws.control import Control
from tests.provisioners.ecs.builders import function, new_ref


async def test_a_preparation_that_is_repeated_finds_its_definition(
    provisioner: EcsProvisioner, chosen: EcsConfiguration, aws: Control, held: Function
) -> None:
    first = await provisioner.prepare(held)
    async with open_ecs_provisioner(chosen) as another_process:
        assert await another_process.prepare(held) == first
    assert len(await aws.calls("RegisterTaskDefinition")) == 1


async def test_what_a_preparation_has_left_is_found_and_nothing_is_registered_for_the_look(
    provisioner: EcsProvisioner, chosen: EcsConfiguration, aws: Control, held: Function
) -> None:
    assert await provisioner.find_prepared(held) is None
    assert await aws.calls("RegisterTaskDefinition") == []
    prepared = await provisioner.prepare(held)
    async with open_ecs_provisioner(chosen) as another_process:
        assert await another_process.find_prepared(held) == prepared
    await provisioner.retire(prepared)
    assert await provisioner.find_prepared(held) is None


async def test_functions_of_one_family_are_told_apart(provisioner: EcsProvisioner, aws: Control) -> None:
    functions = [function(new_ref()) for _ in range(5)]
    prepared = await asyncio.gather(*(provisioner.prepare(one) for one in functions))
    assert len(set(prepared)) == 5
    again = await asyncio.gather(*(provisioner.prepare(one) for one in functions))
    assert again == prepared
    assert len(await aws.calls("RegisterTaskDefinition")) == 5


async def test_revisions_that_are_older_than_the_version_are_not_looked_through(
    provisioner: EcsProvisioner, aws: Control
) -> None:
    older = [function(new_ref()) for _ in range(3)]
    for one in older:
        await provisioner.prepare(one)
    await aws.reset_calls()
    newer = function(new_ref())
    await provisioner.prepare(replace(newer, creation_time=newer.creation_time + timedelta(minutes=10)))
    assert len(await aws.calls("DescribeTaskDefinition")) == 1


async def test_a_race_for_a_revision_passes_by_itself(
    provisioner: EcsProvisioner, aws: Control, held: Function
) -> None:
    await aws.throttle("RegisterTaskDefinition", is_hidden=True, calls=1)
    with pytest.raises(Unavailable):
        await provisioner.prepare(held)
    await provisioner.prepare(held)


async def test_what_another_process_was_quicker_to_take_is_waited_for(
    provisioner: EcsProvisioner, aws: Control, held: Function
) -> None:
    await aws.throttle("RegisterTaskDefinition", calls=4)  # one more than botocore tries
    await provisioner.prepare(held)
    assert len(await aws.calls("RegisterTaskDefinition")) == 5


async def test_what_ecs_refuses_is_the_users_doing(provisioner: EcsProvisioner, held: Function) -> None:
    with pytest.raises(FunctionFailure, match="image"):
        await provisioner.prepare(replace(held, docker_image=""))


async def test_what_is_retired_is_registered_anew(provisioner: EcsProvisioner, held: Function) -> None:
    first = await provisioner.prepare(held)
    await provisioner.retire(first)
    await provisioner.retire(first)
    assert await provisioner.prepare(held) != first


async def test_what_somebody_has_removed_is_retired(provisioner: EcsProvisioner, held: Function) -> None:
    prepared = await provisioner.prepare(held)
    family = prepared.identifier.rpartition(":")[0]
    await provisioner.retire(replace(prepared, identifier=f"{family}:999999"))


async def test_functions_whose_names_begin_alike_are_told_apart_without_a_look_at_each_other(
    provisioner: EcsProvisioner, aws: Control
) -> None:
    ref = new_ref()
    names = (FunctionName(f"a function of many, number {number}") for number in range(10))
    functions = [function(replace(ref, function_name=name)) for name in names]
    prepared = await asyncio.gather(*(provisioner.prepare(one) for one in functions))
    assert len(set(prepared)) == 10
    assert await aws.calls("DescribeTaskDefinition") == []


async def test_a_family_of_many_revisions_is_looked_through_so_far_and_no_further(
    provisioner: EcsProvisioner, chosen: EcsConfiguration, aws: Control
) -> None:
    async with open_ecs_client(chosen) as client:
        for _ in range(12):
            definition = task_definition(function(new_ref()), chosen)
            await client.register_task_definition(definition, version="another")
    await provisioner.prepare(function(new_ref()))
    assert len(await aws.calls("DescribeTaskDefinition")) == 10


async def test_a_version_of_many_functions_lets_anothers_deploy_through(provisioner: EcsProvisioner) -> None:
    ref = new_ref()
    many = [function(replace(ref, function_name=FunctionName(f"{number}"))) for number in range(40)]
    async with in_the_background(provisioner.prepare(one) for one in many), asyncio.timeout(8):
        for one in [function(new_ref()) for _ in range(2)]:
            await provisioner.prepare(one)


async def test_deletions_let_a_deploy_through(provisioner: EcsProvisioner, aws: Control) -> None:
    definition = PreparedFunction(
        type=ContainerType.AWS_ECS,
        identifier="arn:aws:ecs:eu-west-1:123456789012:task-definition/multinode-worker-a-b:1",
    )
    ref = new_ref()
    deployed = [function(replace(ref, function_name=FunctionName(f"new {number}"))) for number in range(10)]
    async with in_the_background(provisioner.retire(definition) for _ in range(40)):
        async with asyncio.timeout(8):
            await asyncio.gather(*(provisioner.prepare(one) for one in deployed))
        deregistered = len(await aws.calls("DeregisterTaskDefinition"))
        assert 0 < deregistered < 15


@contextlib.asynccontextmanager
async def in_the_background(works: Iterable[Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
    """All of it has begun."""
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
