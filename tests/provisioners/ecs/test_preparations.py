"""One task definition for each function of a version."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.entities import Function
from domain.errors import FunctionFailure, Unavailable
from provisioners.ecs.configuration import EcsConfiguration
from provisioners.ecs.opening import open_ecs_provisioner
from provisioners.ecs.provisioner import EcsProvisioner
from tests.aws.control import Control
from tests.provisioners.ecs.scenery import function, new_ref


async def test_a_preparation_that_is_repeated_finds_its_definition(
    provisioner: EcsProvisioner, chosen: EcsConfiguration, aws: Control, held: Function
) -> None:
    first = await provisioner.prepare(held)
    async with open_ecs_provisioner(chosen) as another_process:
        assert await another_process.prepare(held) == first
    assert len(await aws.calls("RegisterTaskDefinition")) == 1


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
