"""The stand-in's own end, which is its containers' end too."""

import asyncio
import os
import signal
from pathlib import Path

import psutil
from control_plane.machine.processes import process_of

from tests.aws.client import open_client
from tests.aws.process import StandIn, running_stand_in

_SLEEP_TWICE = (
    "import subprocess, time\nsubprocess.Popen(['sleep', '600'])\nprint('ready', flush=True)\ntime.sleep(600)\n"
)


async def test_it_ends_with_all_its_containers(tmp_path: Path) -> None:
    async with running_stand_in(region="eu-central-1") as stand_in:
        assert stand_in.environment["AWS_REGION"] == "eu-central-1"
        assert "ECS_EVENTS_QUEUE_URL" not in stand_in.environment
        processes = await _container_processes(stand_in, tmp_path)
        assert len(processes) == 2
        folder = Path(psutil.Process(processes[0]).cwd()).parent
    assert process_of(stand_in.pid) is None
    await _all_gone(processes)
    assert not await asyncio.to_thread(folder.exists)


async def test_its_containers_end_though_it_is_killed(tmp_path: Path) -> None:
    async with running_stand_in() as stand_in:
        processes = await _container_processes(stand_in, tmp_path)
        os.kill(stand_in.pid, signal.SIGKILL)
        await _all_gone(processes)


async def _all_gone(pids: list[int]) -> None:
    async with asyncio.timeout(10):
        while any(process_of(pid) is not None for pid in pids):
            await asyncio.sleep(0.02)


async def _container_processes(stand_in: StandIn, folder: Path) -> list[int]:
    (folder / "program.py").write_text(_SLEEP_TWICE)
    async with open_client(stand_in) as aws:
        arn = await aws.running(await aws.register_folder(folder, command=["python", "program.py"]))
        main = psutil.Process(await stand_in.control.wait_for_process(arn))
        async with asyncio.timeout(20):
            while not main.children():
                await asyncio.sleep(0.02)
        return [main.pid, *(child.pid for child in main.children())]
