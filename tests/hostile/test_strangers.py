"""Bodies that are made to cost: without a key they cost nothing, with one they are answered soon and shortly."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import psutil
import pytest

from control_plane_server.domain.bounds import MAX_BODY_BYTES
from tests.capacity.measures import best_of_rounds
from tests.figures import Show
from tests.hostile.conftest import KEY, Target

MAX_ANSWER_BYTES = 64 * 1024
SOON = 1.0  # seconds of the api's processor time: of a clock's, other tests take some, too
LONGEST = MAX_BODY_BYTES - 1_000


def nested(length: int) -> bytes:
    return b'{"input": ' + b'[{"a":' * (length // 14) + b"0" + b"}]" * (length // 14) + b"}"


def of_items(item: bytes, length: int) -> bytes:
    return b",".join([item] * (length // (len(item) + 1)))


def version(functions: bytes) -> bytes:
    return b'{"default_docker_image": "i", "functions": [' + functions + b"]}"


def command(items: bytes) -> bytes:
    spec = b'{"function_name": "f", "resource_spec": {}, "execution_spec": {}, "command": ['
    return version(spec + items + b"]}")


VERSIONS, INVOCATIONS = "versions", "invocations"
# Made when they are sent: all processes of a run import this.
COSTLY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nested": (INVOCATIONS, lambda: nested(LONGEST)),
    "nested a little too deep": (INVOCATIONS, lambda: b'{"input": ' + b"[" * 100 + b"]" * 100 + b"}"),
    "wide and nested": (INVOCATIONS, lambda: b'{"input": [' + of_items(b"[[[[0]]]]", LONGEST) + b"]}"),
    "ones": (VERSIONS, lambda: version(of_items(b"1", 2_000_000))),
    "empty functions": (VERSIONS, lambda: version(of_items(b"{}", LONGEST))),
    "a thousand empty functions": (VERSIONS, lambda: version(of_items(b"{}", 3_000))),
    "ones as a command": (VERSIONS, lambda: command(of_items(b"1", LONGEST))),
    "a thousand ones as a command": (VERSIONS, lambda: command(of_items(b"1", 2_000))),
    "empty words as a command": (VERSIONS, lambda: command(of_items(b'""', LONGEST))),
    "long wrong words": (VERSIONS, lambda: command(b'["' + b"x" * 3_000_000 + b'"]')),
    "keys": (VERSIONS, lambda: b"{" + b",".join(b'"%d":0' % number for number in range(350_000)) + b"}"),
    "one endless string": (INVOCATIONS, lambda: b'{"input": "' + b'\\"' * (LONGEST // 2)),
    "in UTF-16": (VERSIONS, lambda: version(of_items(b"1", LONGEST // 2)).decode().encode("utf-16")),
}


def head(target: Target, method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: api", *headers, "", ""]).encode()


def path_of(target: Target, where: str) -> str:
    return f"/projects/{target.deployed.project}/versions" if where == VERSIONS else target.deployed.invocations()


async def answer_to(target: Target, request: bytes) -> tuple[bytes, bytes]:
    """Status line and body of the answer to a request that closes its connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(request)
    try:
        answer = await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    lines, _, body = answer.partition(b"\r\n\r\n")
    return lines.split(b"\r\n")[0], body


def shown_length(value: object) -> int:
    return len(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


@pytest.mark.parametrize("kind", COSTLY)
async def test_a_costly_body_is_answered_soon_and_shortly(target: Target, kind: str, show: Show) -> None:
    where, make_body = COSTLY[kind]
    body = make_body()
    key, close = f"Authorization: Bearer {KEY}", "Connection: close"
    request = head(target, "POST", path_of(target, where), key, close, f"Content-Length: {len(body)}") + body
    api = psutil.Process(target.pid)
    before, began = api.memory_info().rss, worked(api)
    status, answer = await answer_to(target, request)
    took, grown = worked(api) - began, api.memory_info().rss - before
    show(f"{kind}: {len(body):,} bytes are answered by {len(answer):,}; {took:.2f} s, {grown / 2**20:.0f} MiB more")
    assert status.split()[1] == b"422"
    assert len(answer) <= MAX_ANSWER_BYTES
    problems = json.loads(answer)["detail"]
    assert 1 <= len(problems) <= 20
    assert all(shown_length(problem["input"]) <= 200 for problem in problems)
    assert took < SOON
    assert grown < 100 * 2**20


def worked(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/projects/p/versions"),
        ("POST", "/projects/p/versions/latest/functions/f/invocations"),
        ("PUT", "/projects/p/versions/v/functions/f/invocations/i/executions/e/update"),
        ("PUT", "/projects/p/versions/v/functions/f/invocations/i/executions/e/finish"),
        ("PUT", "/projects/p"),
    ],
)
@pytest.mark.parametrize("key", [(), ("Authorization: Bearer exe-1.00",)])
@pytest.mark.parametrize("length", [1_000_000, 100 * MAX_BODY_BYTES])
async def test_without_a_key_the_answer_comes_before_the_body(
    target: Target, method: str, path: str, key: Sequence[str], length: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(head(target, method, path, *key, f"Content-Length: {length}"))
    async with asyncio.timeout(30):  # or for ever, as it is not sent
        assert (await reader.readline()).startswith(b"HTTP/1.1 403 ")
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def sending(target: Target, request: bytes, *, connections: int) -> AsyncIterator[None]:
    """So many clients that send it again and again."""

    async def send() -> None:
        while True:
            with contextlib.suppress(ConnectionError):
                await answer_to(target, request)

    senders = [asyncio.create_task(send()) for _ in range(connections)]
    yield
    for sender in senders:
        sender.cancel()
    await asyncio.gather(*senders, return_exceptions=True)


async def served(target: Target, *, seconds: float) -> float:
    """How many requests a second somebody with a key has answered meanwhile."""
    count, began = 0, time.monotonic()
    async with target.client(timeout=60) as client:
        while (passed := time.monotonic() - began) < seconds:
            assert (await client.get("/projects")).status_code == 200
            count += 1
    return count / passed


async def slowdown_by(target: Target, request: bytes, who: str, *, bound: float, show: Show) -> float:
    """By what others are slowed down beside two clients that send this. What else runs on this machine slows down
    them alone, or beside those, or both."""

    async def measure() -> float:
        alone = await served(target, seconds=1)
        async with sending(target, request, connections=2):
            beside = await served(target, seconds=2)
        show(f"two {who}: others have {beside:.0f} requests a second answered, alone {alone:.0f}")
        return alone / beside

    return await best_of_rounds(measure, bound=bound)


async def test_strangers_with_nested_bodies_cost_others_nothing(target: Target, show: Show) -> None:
    body = nested(LONGEST)
    request = head(target, "POST", path_of(target, INVOCATIONS), "Connection: close", f"Content-Length: {len(body)}")
    assert await slowdown_by(target, request + body, "strangers with nested JSON", bound=10, show=show) < 10


async def test_whoever_has_a_key_and_costly_bodies_leaves_others_most_of_their_requests(
    target: Target, show: Show
) -> None:
    body = COSTLY["empty functions"][1]()
    key, length = f"Authorization: Bearer {KEY}", f"Content-Length: {len(body)}"
    request = head(target, "POST", path_of(target, VERSIONS), key, "Connection: close", length) + body
    assert await slowdown_by(target, request, "clients with 4 MB of empty functions", bound=20, show=show) < 20
