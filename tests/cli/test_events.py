"""Following events across connections that break anywhere."""

import json

import pytest
from control_plane.client.connections import AsyncConnection
from control_plane.errors import Refused
from control_plane.protocol.events import Event, events

from tests.cli.scripted_server import Received, json_answer, scripted_server

_PATH = "/invocations/inv-1"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 1000\n\n"
_NAMES = ("state", "log", "progress", "log", "end")
_BLOCKS = [
    f": keep-alive\n\nevent: {name}\ndata: {json.dumps({'number': number, 'text': 'é'})}\nid: c{number}\n\n".encode()
    for number, name in enumerate(_NAMES)
]


def _after(received: Received) -> bytes:
    last_id = received.headers.get("last-event-id")
    return b"".join(_BLOCKS if last_id is None else _BLOCKS[int(last_id[1:]) + 1 :])


async def _followed(connection: AsyncConnection, reports: list[str | None]) -> list[Event]:
    stream = events(connection.api.peer, _PATH, with_logs=True, report=reports.append)
    return [event async for event in connection.iterate(stream)]


async def test_every_cut_is_survived() -> None:
    """Each connection carries so many bytes more: it breaks within names, values, characters, and between events."""

    def answer(received: Received, number: int) -> bytes:
        return _HEAD + _after(received)[: 1 + 13 * number]

    reports: list[str | None] = []
    async with scripted_server(answer) as scripted, scripted.connect() as connection:
        found = await _followed(connection, reports)
    assert [(event.name, event.cursor, event.data["number"]) for event in found] == [
        (name, f"c{number}", number) for number, name in enumerate(_NAMES)
    ]
    assert reports[0] is not None
    assert None in reports
    assert scripted.received[0].path.endswith("/invocations/inv-1/events?logs=true")


async def test_a_server_that_is_away_is_waited_for() -> None:
    def answer(received: Received, number: int) -> bytes:
        if number == 0:
            return b""
        if number == 1:
            return json_answer('{"detail": "away"}', status="503 Service Unavailable")
        return _HEAD + _after(received)

    reports: list[str | None] = []
    async with scripted_server(answer) as scripted, scripted.connect() as connection:
        assert len(await _followed(connection, reports)) == len(_NAMES)
    assert len(reports) == 2


async def test_a_refusal_is_no_break() -> None:
    def answer(received: Received, number: int) -> bytes:
        return json_answer('{"detail": "A project with this name does not exist"}', status="404 Not Found")

    async with scripted_server(answer) as scripted, scripted.connect() as connection:
        with pytest.raises(Refused, match="A project with this name"):
            await _followed(connection, [])
