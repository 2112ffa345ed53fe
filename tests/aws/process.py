"""A stand-in for AWS as a process of its own, for as long as a test needs it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.aws.control import Control

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """`environment` is what a control plane needs to use it."""

    endpoint_url: str
    environment: dict[str, str]
    control: Control
    pid: int


@asynccontextmanager
async def running_stand_in(
    *, port: int = 0, region: str = "us-east-1", has_event_queue: bool = False
) -> AsyncIterator[StandIn]:
    """Starts in a second or two. It dies with us, and its containers with it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.aws", "--port", str(port), "--region", region, "--while-stdin-is-open"),
        *(["--event-queue"] if has_event_queue else []),
        cwd=_ROOT,
        env={**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        announcement = await process.stdout.readline()
        if not announcement:
            raise RuntimeError(f"the stand-in for AWS ended with exit code {await process.wait()}")
        environment: dict[str, str] = json.loads(announcement)
        url = environment["AWS_ENDPOINT_URL"]
        async with Control(url) as control:
            yield StandIn(endpoint_url=url, environment=environment, control=control, pid=process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
