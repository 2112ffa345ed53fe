"""An HTTP server that answers as a test says, byte by byte, and then breaks the connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from control_plane.access.server import Server
from control_plane.cli.session import PATIENCE
from control_plane.client.connections import AsyncConnection

# An answer with all that a client needs of it, and more.
INVOCATION = {
    "project_name": "p",
    "version_id": "ver-1",
    "function_name": "f",
    "invocation_id": "inv-1",
    "execution_spec": {"max_retries": 0, "timeout_seconds": 1},
    "input": "",
    "preparation_error": None,
    "cancellation_request_time": None,
    "invocation_status": "RUNNING",
    "creation_time": 1,
    "last_update_time": 1,
    "executions": [],
    "of_a_later_version": [1],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """`headers`: names in lower case."""

    method: str
    path: str
    headers: dict[str, str]


class ScriptedServer:
    def __init__(self, port: int) -> None:
        self.port = port
        self.received: list[Received] = []

    @property
    def server(self) -> Server:
        url = f"http://127.0.0.1:{self.port}"
        return Server(api_url=url, api_key="key", found_in="the test", key_found_in="the test")

    def connect(self) -> AsyncConnection:
        return AsyncConnection(self.server, PATIENCE)


@asynccontextmanager
async def scripted_server(answer: Callable[[Received, int], bytes]) -> AsyncIterator[ScriptedServer]:
    """`answer` is given a request and how many came before it; what it returns is all that the client gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request_line, *lines = head.splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = request_line.split()
        received = Received(method=method, path=path, headers=headers)
        scripted.received.append(received)
        writer.write(answer(received, len(scripted.received) - 1))
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    scripted = ScriptedServer(listener.sockets[0].getsockname()[1])
    async with listener:
        yield scripted


def json_answer(body: str, *, status: str = "200 OK", headers: str = "") -> bytes:
    content = body.encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}"
        f"Content-Length: {len(content)}\r\n\r\n"
    ).encode() + content
