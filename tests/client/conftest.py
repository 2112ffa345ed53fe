"""A stack and a project on it, for all tests of clients in this process."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import control_plane as cp
import pytest
from control_plane.access.local_stacks import StackAccess

from tests.cli.stacks import Ports, dev

PROJECT = "pictures"
MAIN = """\
import os
import time
from pathlib import Path

import control_plane as cp


@cp.function(max_concurrency=8, timeout=120)
def resize(url: str, width: int = 800) -> dict:
    print("resizing", url)
    if url == "broken":
        raise ValueError("no picture")
    return {"url": url, "width": width}


@cp.function(timeout=120)
def count(to: int):
    for number in range(1, to + 1):
        yield {"counted": number}
        time.sleep(0.8)


@cp.function(timeout=120)
def wait_for(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.05)
    return "there"


@cp.function(timeout=120)
async def double(number: int) -> int:
    return 2 * number


cp.command("upper", ["tr", "a-z", "A-Z"])
"""


@pytest.fixture(scope="package")
async def access(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackAccess]:
    async with dev(tmp_path_factory.mktemp("home") / ".control-plane", Ports.free()) as stack:
        yield await stack.ready()


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / PROJECT
    path.mkdir()
    (path / "main.py").write_text(MAIN)
    return path


@pytest.fixture(scope="package")
def project(access: StackAccess, folder: Path) -> str:
    """Deployed from code."""
    said: list[str] = []
    with cp.Client(access.api_url, access.api_key) as client:
        version = client.deploy(PROJECT, folder, report=said.append)
    assert [function.function_name for function in version.functions] == [
        "resize",
        "count",
        "wait_for",
        "double",
        "upper",
    ]
    assert "resize is ready" in said
    return PROJECT


@pytest.fixture
def client(access: StackAccess, project: str) -> Iterator[cp.Client]:
    with cp.Client(access.api_url, access.api_key) as it:
        yield it
