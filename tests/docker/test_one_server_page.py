"""Every command of docs/one-server.md, in order, as it stands; on ports and with a name that are free."""

import asyncio
import os
import shutil
import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control_plane_server.cli.stack.ports import free_ports
from tests.docker.compose import ROOT, run
from tests.docs.pages import NEEDS_AWS, blocks_of

BLOCKS = blocks_of(ROOT / "docs" / "one-server.md")
# What the stand-in for Temporal has in its container, the real server has in PostgreSQL: `down` removes it, and no
# backup brings it back.
RESTORED = "< backup.sql\ndocker compose up --detach\n"
ADOPTED = """\
< backup.sql
docker compose up --detach temporal-namespace
until docker compose run --rm -T loop control-plane adopt-namespace; do sleep 1; done
docker compose up --detach
"""
# A busy machine may take longer than one wait to bring up the first container.
WAITED = 'call "$API/invocations/$INVOCATION?wait_seconds=50"'
WAITED_TO_THE_END = f"until {WAITED} | tee /dev/stderr | grep -q TERMINATED; do true; done"
# What the page does to the repository, or to what was built before these tests, is only looked up.
SHIMS = {
    "make": 'exec {make} --directory {root} --dry-run "$@" >/dev/null',
    "git": 'test "$*" = pull',
    "docker": """\
if [ "$1" = compose ] && ! {docker} compose version >/dev/null 2>&1; then
    shift
    exec docker-compose "$@"
fi
exec {docker} "$@"
""",
}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """The environment of somebody in a copy of the repository; what they bring up is removed afterwards."""
    port, ui_port = free_ports(2)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, body in SHIMS.items():
        script = body.format(make=shutil.which("make"), docker=shutil.which("docker"), root=ROOT)
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    name = f"cp{uuid.uuid4().hex[:8]}"
    yield {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "COMPOSE_PROJECT_NAME": name,
        "CONTROL_PLANE_PORT": str(port),
        "TEMPORAL_UI_PORT": str(ui_port),
        "no_proxy": "*",
    }
    for kind, label, remove in (
        ("ps -aq", f"control-plane.installation={name}", "rm --force"),
        ("ps -aq", f"com.docker.compose.project={name}", "rm --force --volumes"),
        ("volume ls -q", f"com.docker.compose.project={name}", "volume rm"),
        ("network ls -q", f"com.docker.compose.project={name}", "network rm"),
    ):
        if found := (await run("docker", *kind.split(), "--filter", f"label={label}")).split():
            await run("docker", *remove.split(), *found)
    await run("docker", "rmi", "--force", "hello:1")


@pytest.mark.timeout(1200)
async def test_the_page_can_be_followed(server: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "control-plane"
    copy.mkdir()
    for name in ("docker-compose.yml", "compose", "environment"):
        await run("cp", "-r", str(ROOT / name), str(copy))
    script = "set -euo pipefail\n" + "".join(block.source for block in BLOCKS if not block.is_marked(NEEDS_AWS))
    # The real ones, of whoever runs these tests, are not touched.
    script = script.replace("127.0.0.1:5000", f"127.0.0.1:{server['CONTROL_PLANE_PORT']}")
    assert RESTORED in script
    script = script.replace(RESTORED, ADOPTED)
    assert WAITED in script
    script = script.replace(WAITED, WAITED_TO_THE_END)
    script = script.replace("control-plane_postgres", f"{server['COMPOSE_PROJECT_NAME']}_postgres")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-xc", script),
        cwd=copy,
        env=server,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said
    assert '"output":"\\"Hello, Ada!\\""' in said, said
