"""Receivers of webhooks, each as it should not be, on this machine."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

from control_plane_server.webhooks.addresses import Address, AllowedAddresses
from control_plane_server.webhooks.sender import WebhookSender
from control_plane_server.webhooks.targets import Resolver, Targets

LOOPBACK = ip_network("127.0.0.0/8")
# Answers a request whose head and body have been read.
Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """`headers`: by their names in lower case."""

    line: str
    headers: dict[str, str]
    body: str


@dataclass(slots=True, kw_only=True)
class Receiver:
    port: int
    received: list[Received] = field(default_factory=list)

    def url(self, host: str = "127.0.0.1", *, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/hook?a=b"


def status(code: int, *headers: str) -> Answering:
    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = (f"HTTP/1.1 {code} So", *headers, "Content-Length: 0", "Connection: close", "", "")
        writer.write("\r\n".join(lines).encode())

    return answer


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte of a header now and then, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: " + 1_000 * b"x" + b"\r\n")
        await writer.drain()


async def endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    while True:
        writer.write(65_536 * b"x")
        await writer.drain()


async def nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


async def hang_up(writer: asyncio.StreamWriter) -> None:
    return


@asynccontextmanager
async def receiver(
    *answers: Answering, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Receiver]:
    """Answers in turn as it is told; all that comes later as the last one."""
    it = Receiver(port=port)
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        task.add_done_callback(serving.discard)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            answer = answers[min(len(it.received), len(answers) - 1)]
            it.received.append(Received(line=head[0], headers=headers, body=body.decode()))
            await answer(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the last one: the receiver ends
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for task in tuple(serving):
            task.cancel()
        if serving:
            await asyncio.wait(serving)


def sender(
    *,
    resolve: Resolver | None = None,
    allows_loopback: bool = True,
    trust: ssl.SSLContext | None = None,
    seconds: float = 10,
) -> WebhookSender:
    allowed = AllowedAddresses([LOOPBACK] if allows_loopback else [])
    return WebhookSender(targets=Targets(allowed, resolve=resolve), trust=trust, total_seconds=seconds)


def names(*answers: tuple[Address, ...]) -> Resolver:
    """Resolves every name to these, one answer after the other; then to the last one."""
    left = list(answers)

    async def resolve(name: str, port: int) -> tuple[Address, ...]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve
