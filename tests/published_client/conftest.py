"""The published client, installed from the package index into a virtual environment of its own: it needs pydantic 1."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from control_plane.access.local_stacks import StackAccess

from tests.cli.stacks import Ports, dev
from tests.e2e.project import Project

HERE = Path(__file__).parent
FUNCTIONS = ("add", "count", "fail_at_first", "fail", "add_remotely")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedClient:
    """Its programs, run as a user runs them: settings in a home of their own, no terminal."""

    programs: Path
    home: Path

    async def run(self, *command: str, text: str = "") -> str:
        """What the program says. Fails if it fails."""
        process = await asyncio.create_subprocess_exec(
            *(str(self.programs / command[0]), *command[1:]),
            env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # else a password would be asked for at the terminal
        )
        stdout, stderr = await process.communicate(text.encode())
        assert process.returncode == 0, (stdout + stderr).decode()
        return stdout.decode()

    async def call(self, project: str, function: str, *arguments: object) -> dict[str, Any]:
        """What the SDK says of one call."""
        answer = await self.run(
            "python", str(HERE / "caller.py"), project, function, *(json.dumps(argument) for argument in arguments)
        )
        result: dict[str, Any] = json.loads(answer)
        return result


@pytest.fixture(scope="session")
def installed_client(pytestconfig: pytest.Config) -> Path:
    """The folder of its programs. Installed once; again when the requirements change."""
    requirements = HERE / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    assert pytestconfig.cache is not None
    folder = Path(pytestconfig.cache.mkdir(f"published-client-{digest}"))
    programs = folder / "venv" / "bin"
    if not (folder / "installed").exists():
        shutil.rmtree(folder / "venv", ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        subprocess.run([programs / "pip", "install", "--quiet", "--requirement", requirements], check=True)
        (folder / "installed").touch()
    return programs


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackAccess]:
    async with dev(tmp_path_factory.mktemp("published") / "data", Ports.free()) as it:
        yield await it.ready()


@pytest.fixture(scope="session")
async def client(
    installed_client: Path, stack: StackAccess, tmp_path_factory: pytest.TempPathFactory
) -> PublishedClient:
    """Logged in."""
    client = PublishedClient(programs=installed_client, home=tmp_path_factory.mktemp("home"))
    said = await client.run("multinode", "login", text=f"{stack.api_url}\n{stack.api_key}\n")
    assert "successfully logged in" in said
    return client


@pytest.fixture(scope="session")
async def project(
    stack: StackAccess, installed_client: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Project]:
    """A project whose image brings the published worker: what its Python is asked to run does not matter to it."""
    image = tmp_path_factory.mktemp("image") / "image"
    shutil.copytree(HERE / "image", image)
    python = image / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{installed_client}/python" "{HERE}/worker.py"\n')
    python.chmod(0o755)
    project = Project(stack, "published")
    await project.deploy(*FUNCTIONS, folder=image, max_retries=1)
    yield project
    await project.http.aclose()
