"""What was built for a project is removed from the registry when the project is gone, and nobody else names it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from api.services import Services
from control_plane_server.domain.identifiers import ProjectName
from tests.api.builders import definition, deploy, function_spec
from tests.simulation.containers import Fleet

PATH = "/projects/gone/images"
IMAGES = ("registry/functions:gone-1", "registry/functions:gone-2")


class Registry(Fleet):
    def __init__(self) -> None:
        super().__init__(stop_grace=timedelta(1))
        self.images = {"gone": {*IMAGES}}

    async def built_images(self, project_name: ProjectName) -> tuple[str, ...]:
        return tuple(sorted(self.images.get(project_name, ())))

    async def remove_images(self, images: Collection[str]) -> None:
        self.images["gone"] -= {*images}


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def services(services: Services, registry: Registry) -> Services:
    return replace(services, provisioner=registry)


async def test_those_that_nobody_names_are_removed_and_it_may_be_repeated(
    client: httpx2.AsyncClient, registry: Registry
) -> None:
    await client.put("/projects/other")
    named = definition(function_spec(), default_docker_image=IMAGES[0])
    assert (await client.post("/projects/other/versions", json=named)).status_code == 200
    for removed in (1, 0):
        answer = await client.delete(PATH)
        assert (answer.status_code, answer.json()) == (200, {"removed": removed})
        assert registry.images["gone"] == {IMAGES[0]}


async def test_those_of_a_project_that_is_there_stay(client: httpx2.AsyncClient, registry: Registry) -> None:
    await deploy(client, project="gone")
    assert (await client.delete(PATH)).status_code == 409
    await client.delete("/projects/gone")  # and until it is gone
    assert (await client.delete(PATH)).status_code == 409
    assert registry.images["gone"] == {*IMAGES}
