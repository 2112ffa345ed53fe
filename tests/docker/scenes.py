"""What tests of the docker provisioner do with workers."""

import asyncio
from datetime import timedelta

from domain.workers import Worker, WorkerRequest
from provisioners.docker.provisioner import DockerProvisioner

NEW = timedelta(seconds=0)


async def launch(provisioner: DockerProvisioner, request: WorkerRequest) -> Worker:
    return Worker(name=request.name, details=await provisioner.launch(request, age=NEW))


async def first_lines(provisioner: DockerProvisioner, worker: Worker, count: int) -> tuple[str, ...]:
    async with asyncio.timeout(30):
        while True:
            page = await provisioner.read_logs(worker.details, None, count)
            if len(page.lines) == count:
                return page.lines
            await asyncio.sleep(0.02)
