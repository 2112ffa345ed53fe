"""Clients that trickle, that never end, that never read, that wait: the server serves everyone else meanwhile."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator

import httpx2
import psutil
import pytest

from control_plane_server.domain.bounds import MAX_BODY_BYTES
from tests.api.builders import invoke
from tests.figures import Show
from tests.hostile.conftest import KEY, Target

PROMPTLY = 2.0
# Of the slowest of many on a machine that other tests keep busy. One that starves waits for a poll's 60 s.
PATIENCE = 15.0
_CLIENTS = 50  # of each kind
_ENDLESS = 100 * MAX_BODY_BYTES
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(target: Target, text: str = "") -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(text.encode())
    return reader, writer


def head(method: str, path: str, *headers: str) -> str:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: api", f"Authorization: Bearer {KEY}", *headers, "", ""])


async def trickle(streams: Streams, text: bytes) -> bytes:
    """Write it byte by byte until the server has had enough; what it said."""
    reader, writer = streams
    answer = asyncio.create_task(all_of(reader))
    while not answer.done():
        writer.write(text)
        await asyncio.sleep(0.5)
    writer.close()
    return await answer


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """Until the end, or until the connection is reset: what is written to one that is closed already does that."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := await reader.read(65_536):
            answer += chunk
    return answer


async def submit_times(target: Target, *, submits: int) -> list[float]:
    """How long each of so many submits took, one after the other, in seconds."""
    took = []
    async with target.client(timeout=4 * PATIENCE) as client:
        for _ in range(submits):
            began = time.monotonic()
            answer = await client.post(target.deployed.invocations("g"), json={"input": "1"})
            assert answer.status_code == 200
            took.append(time.monotonic() - began)
    return took


def described(times: list[float]) -> str:
    middle, slowest = 1_000 * statistics.median(times), 1_000 * max(times)
    return f"{len(times)} submits took {middle:.0f} ms in the middle, {slowest:.0f} ms at most"


def are_prompt(times: list[float]) -> bool:
    return statistics.median(times) < PROMPTLY and max(times) < PATIENCE


async def test_whoever_trickles_is_cut_off_and_nobody_notices(target: Target) -> None:
    body = head("POST", target.deployed.invocations(), "Content-Length: 1000000") + '{"input": "'
    kinds = {
        "nothing but line ends": ("", b"\r\n"),
        "a path": ("GET /proj", b"e"),
        "a header": ("GET /projects HTTP/1.1\r\nX-Slow: ", b"x"),
        "the second request": (head("GET", "/projects") + "GET /again", b"n"),
        "a body": (body, b"x"),
        "a body that nobody wants": (body.replace("/projects", "/nowhere"), b"x"),
    }
    slow = {
        kind: [asyncio.create_task(trickle(await connect(target, beginning), more)) for _ in range(_CLIENTS)]
        for kind, (beginning, more) in kinds.items()
    }
    assert are_prompt(await submit_times(target, submits=20))
    answers = {kind: {answer.split(b"\r\n")[0] for answer in await asyncio.gather(*slow[kind])} for kind in kinds}
    assert answers == {
        "nothing but line ends": {b""},
        "a path": {b""},
        "a header": {b""},
        "the second request": {b"HTTP/1.1 200 OK"},
        "a body": {b"HTTP/1.1 408 Request Timeout"},
        "a body that nobody wants": {b"HTTP/1.1 404 Not Found"},
    }


async def taken_of(writer: asyncio.StreamWriter, chunk: bytes, *, at_most: int) -> int:
    """How many bytes the server takes before it closes the connection."""
    taken = 0
    while taken < at_most:
        writer.write(chunk)
        try:
            await writer.drain()
        except ConnectionError:
            break
        taken += len(chunk)
    return taken


async def test_headers_without_end_are_not_kept(target: Target) -> None:
    _, writer = await connect(target, "GET /projects HTTP/1.1\r\n")
    assert await taken_of(writer, b"X-More: " + b"x" * 8_192 + b"\r\n", at_most=_ENDLESS) < _ENDLESS
    writer.close()


async def test_a_body_over_the_limit_is_refused_while_it_is_read(target: Target) -> None:
    """The answer comes though the body goes on and on, and the process does not keep what it reads."""
    path = f"/projects/{target.deployed.project}/versions"
    reader, writer = await connect(target, head("POST", path, "Transfer-Encoding: chunked"))
    answer = asyncio.create_task(reader.readline())
    before, sent = psutil.Process(target.pid).memory_info().rss, 0
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    while not answer.done():
        writer.write(chunk)
        sent += 65_536
        await writer.drain()
        # Beyond the limit slowly: whoever writes when the server has closed the connection no longer reads the answer.
        await asyncio.wait({answer}, timeout=0.05 if sent > MAX_BODY_BYTES else 0)
        assert sent < 4 * MAX_BODY_BYTES
    assert (await answer).startswith(b"HTTP/1.1 413 ")
    assert await taken_of(writer, chunk, at_most=_ENDLESS) < _ENDLESS
    writer.close()
    assert psutil.Process(target.pid).memory_info().rss - before < 16 * MAX_BODY_BYTES


async def test_a_declared_length_over_the_limit_is_refused_before_a_byte_of_it(target: Target) -> None:
    path = f"/projects/{target.deployed.project}/versions"
    reader, writer = await connect(target, head("POST", path, f"Content-Length: {MAX_BODY_BYTES + 1}"))
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def invocation_of(target: Target) -> str:
    """The path of one that nobody else ends."""
    async with target.client(timeout=PATIENCE) as client:
        return await invoke(client, target.deployed.invocations())


@pytest.fixture
async def waiting(target: Target) -> AsyncIterator[list[asyncio.Task[int]]]:
    """200 long polls under way."""
    invocation = await invocation_of(target)
    async with target.client(timeout=70, limits=httpx2.Limits(max_connections=None)) as client:

        async def wait() -> int:
            return (await client.get(invocation, params={"wait_seconds": 60})).status_code

        polls = [asyncio.create_task(wait()) for _ in range(200)]
        yield polls
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)


async def test_200_long_polls_do_not_starve_a_submit(
    target: Target, waiting: list[asyncio.Task[int]], show: Show
) -> None:
    while len(psutil.Process(target.pid).net_connections()) < 200:
        await asyncio.sleep(0.05)
    times = await submit_times(target, submits=30)
    show(f"200 long polls: {described(times)}")
    assert are_prompt(times)
    assert not any(poll.done() for poll in waiting)


async def test_100_streams_of_events_cost_little_and_leave_nothing_behind(target: Target, show: Show) -> None:
    invocation = await invocation_of(target)
    process = psutil.Process(target.pid)
    streams = [await connect(target, head("GET", f"{invocation}/events")) for _ in range(100)]
    try:
        for reader, _ in streams:
            await reader.readuntil(b"event: state\ndata: ")
        busy, times = await cpu_share(process), await submit_times(target, submits=20)
    finally:
        for _, writer in streams:
            writer.close()
    show(f"100 streams of events: {100 * busy:.0f}% of a core; {described(times)}")
    assert are_prompt(times)
    assert busy < 0.5
    while len(process.net_connections()) > 50:
        await asyncio.sleep(0.05)
    while await cpu_share(process) > busy / 3:
        pass


async def cpu_share(process: psutil.Process) -> float:
    """Of a core, over three seconds."""
    before, began = process.cpu_times(), time.monotonic()
    await asyncio.sleep(3)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / (time.monotonic() - began)
