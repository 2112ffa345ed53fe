"""What containers write, in CloudWatch Logs."""

import asyncio
from pathlib import Path

from tests.aws.client import AwsClient, refused

_WRITE = "import sys\nprint('one')\nprint(flush=True)\nprint('two', file=sys.stderr)\nsys.stdout.write('three')\n"


async def test_both_outputs_line_by_line(aws: AwsClient, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_WRITE)
    arn = await aws.run(await aws.register_folder(tmp_path, command=["python", "program.py"]))
    await aws.stopped(arn)
    assert await aws.lines(arn) == ["one", "two", "three"]  # empty lines make no event


async def test_the_tail_may_come_late(aws: AwsClient, tmp_path: Path) -> None:
    await aws.control.set(log_interval_seconds=3_600, log_tail_delay_seconds=2, noticing_seconds=0)
    (tmp_path / "program.py").write_text(_WRITE)
    arn = await aws.run(await aws.register_folder(tmp_path, command=["python", "program.py"]))
    await aws.stopped(arn)
    assert await aws.lines(arn) == []
    async with asyncio.timeout(10):
        while await aws.lines(arn) != ["one", "two", "three"]:
            await asyncio.sleep(0.1)


async def test_lines_come_while_the_container_runs(aws: AwsClient, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(600)\n")
    arn = await aws.run(await aws.register_folder(tmp_path, command=["python", "program.py"]))
    await aws.control.wait_for(arn, "RUNNING")
    async with asyncio.timeout(10):
        while await aws.lines(arn) != ["here"]:
            await asyncio.sleep(0.1)


async def test_no_stream_before_the_image_is_pulled(aws: AwsClient) -> None:
    await aws.control.set(pulling_seconds=3_600)
    arn = await aws.run(await aws.register())
    await aws.control.wait_for(arn, "PENDING")
    with refused("ResourceNotFoundException"):
        await aws.lines(arn)
