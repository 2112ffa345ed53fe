"""Following events across connections that break anywhere."""

import json

import pytest
from control_plane.cli.client.errors import NotFound
from control_plane.cli.client.events import Event, follow
from control_plane.cli.client.references import FunctionPath, InvocationPath
from control_plane.cli.client.transport import Transport

from tests.cli.scripted_server import Received, json_answer, scripted_server

_PATH = InvocationPath(function=FunctionPath(project="p", version="ver-1", function="f"), invocation_id="inv-1")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 1000\n\n"
_NAMES = ("state", "log", "progress", "log", "end")
_BLOCKS = [
    f": keep-alive\n\nevent: {name}\ndata: {json.dumps({'number': number, 'text': 'é'})}\nid: c{number}\n\n".encode()
    for number, name in enumerate(_NAMES)
]


def _after(received: Received) -> bytes:
    last_id = received.headers.get("last-event-id")
    return b"".join(_BLOCKS if last_id is None else _BLOCKS[int(last_id[1:]) + 1 :])


async def _followed(transport: Transport, reports: list[str]) -> list[Event]:
    return [event async for event in follow(transport, _PATH, with_logs=True, report=reports.append)]


async def test_every_cut_is_survived() -> None:
    """Each connection carries so many bytes more: it breaks within names, values, characters, and between events."""

    def answer(received: Received, number: int) -> bytes:
        return _HEAD + _after(received)[: 1 + 13 * number]

    reports: list[str] = []
    async with scripted_server(answer) as scripted:
        transport = Transport(scripted.server)
        events = await _followed(transport, reports)
        await transport.close()
    assert [(event.name, event.cursor, event.data["number"]) for event in events] == [
        (name, f"c{number}", number) for number, name in enumerate(_NAMES)
    ]
    assert reports[0].startswith("Lost the connection (")
    assert "Connected again." in reports
    assert scripted.received[0].path.endswith("/invocations/inv-1/events?logs=true")


async def test_a_server_that_is_away_is_waited_for() -> None:
    def answer(received: Received, number: int) -> bytes:
        if number == 0:
            return b""
        if number == 1:
            return json_answer('{"detail": "away"}', status="503 Service Unavailable")
        return _HEAD + _after(received)

    reports: list[str] = []
    async with scripted_server(answer) as scripted:
        transport = Transport(scripted.server)
        assert len(await _followed(transport, reports)) == len(_NAMES)
        await transport.close()
    assert len(reports) == 2


async def test_a_refusal_is_no_break() -> None:
    def answer(received: Received, number: int) -> bytes:
        return json_answer('{"detail": "A project with this name does not exist"}', status="404 Not Found")

    async with scripted_server(answer) as scripted:
        transport = Transport(scripted.server)
        with pytest.raises(NotFound, match="A project with this name"):
            await _followed(transport, [])
        await transport.close()
