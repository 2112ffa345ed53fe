"""Nothing here starts a server or a program or opens a connection: whatever does belongs into another folder."""

import sys
from collections.abc import Iterator

import psutil
import pytest

_FORBIDDEN = ("socket.bind", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork", "os.posix_spawn")
_tests_running: list[str] = []


def _refuse(event: str, _: tuple[object, ...]) -> None:
    """An audit hook: of what Python itself does in this process, while a test of this folder runs."""
    if event in _FORBIDDEN and _tests_running:
        raise PermissionError(f"{_tests_running[-1]} is in tests/unit, where {event} is forbidden: move it")


sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def _no_servers(request: pytest.FixtureRequest) -> Iterator[None]:
    children = psutil.Process().children()
    _tests_running.append(request.node.nodeid)
    yield
    _tests_running.pop()
    # What libraries in other languages start, no audit hook sees.
    assert psutil.Process().children() == children


@pytest.fixture(scope="session")
def postgres_server() -> None:
    pytest.fail("a test in tests/unit uses the catalog: move it to another folder")
