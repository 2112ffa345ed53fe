"""A stack on the usual folder of somebody's home, for all tests of verbs in this process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from control_plane.access.local_stacks import StackAccess

from control_plane_server.cli.stack.access import find_access
from control_plane_server.cli.stack.folder import DataFolder
from tests.cli.stacks import Ports, dev
from tests.cli.terminal import Terminal


@pytest.fixture(scope="package")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    path = tmp_path_factory.mktemp("home")
    async with dev(path / ".control-plane", Ports.free()) as stack:
        await stack.ready()
        yield path


@pytest.fixture
def terminal(home: Path) -> Terminal:
    return Terminal(home)


@pytest.fixture
def access(home: Path) -> StackAccess:
    found = find_access(DataFolder(home / ".control-plane"))
    assert found is not None
    return found
