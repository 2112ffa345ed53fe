"""What tests of the docker provisioner do with containers."""

import asyncio
from datetime import timedelta

from control_plane_server.domain.containers import Container, ContainerRequest
from control_plane_server.provisioners.docker.provisioner import DockerProvisioner

NEW = timedelta(seconds=0)


async def launch(provisioner: DockerProvisioner, request: ContainerRequest) -> Container:
    return Container(name=request.name, details=await provisioner.launch(request, age=NEW))


async def first_lines(provisioner: DockerProvisioner, container: Container, count: int) -> tuple[str, ...]:
    async with asyncio.timeout(30):
        while True:
            page = await provisioner.read_logs(container.details, None, count)
            if len(page.lines) == count:
                return page.lines
            await asyncio.sleep(0.02)
