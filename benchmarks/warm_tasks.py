"""Containers that are reused, as tasks of the stand-in for AWS: how soon the user's code runs."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from control_plane.access.local_stacks import StackAccess
from temporalio.client import Client

from benchmarks import bare
from benchmarks.containers import WARM
from benchmarks.ecs import stack_on_aws
from benchmarks.figures import Row
from benchmarks.http import Http
from benchmarks.project import Project
from benchmarks.sizes import Sizes
from benchmarks.stack import FUNCTIONS
from benchmarks.warm import COLD, MEDIAN, PROCESSES, REUSE, SLOWEST, rounds_of, rows_of, said_by_itself
from control_plane_server.cli.stack.polling import poll_until
from control_plane_server.cli.stack.temporal import is_polled
from control_plane_server.orchestration.payloads import data_converter
from tests.aws.timings import timings

_IMAGE = "benchmarks/functions"
_SCALE = 0.1


async def warm_tasks(sizes: Sizes) -> list[Row]:
    """Their starts take a tenth of what they take on Fargate."""
    async with stack_on_aws() as (access, aws), Http(access.api_url, key=access.api_key) as http:
        await aws.set(**timings(_SCALE))
        async with _bare_workflows(access) as temporal:
            await aws.register_image(_IMAGE, FUNCTIONS)
            project = Project(http)
            await project.deploy([COLD, WARM], _IMAGE, PROCESSES, REUSE)
            cold = await rounds_of(temporal, project, COLD, said_by_itself, trials=2, unmeasured=0)
            warm = await rounds_of(temporal, project, WARM, said_by_itself, trials=sizes.trials, unmeasured=1)
    return [
        *rows_of(f"a new task at {_SCALE:g} of AWS's times", cold, None, None),
        *rows_of("a warm task", warm, MEDIAN, SLOWEST),
    ]


@asynccontextmanager
async def _bare_workflows(access: StackAccess) -> AsyncIterator[Client]:
    """A client of the stack's Temporal, beside whose workers there is one of bare workflows."""
    client = await Client.connect(access.temporal_address, data_converter=data_converter)
    named = {"TEMPORAL_ADDRESS": access.temporal_address, "TEMPORAL_NAMESPACE": access.temporal_namespace}
    worker = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", bare.__name__, env=os.environ | named)
    try:
        await poll_until(partial(is_polled, client, bare.TASK_QUEUE))
        yield client
    finally:
        worker.terminate()
        await worker.wait()
