"""Requests whose way is blocked: repeated where that is safe, and never for ever."""

import json

import pytest
from control_plane.errors import Refused, Unreachable
from control_plane.protocol.paths import function_path

from tests.cli.scripted_server import INVOCATION, Received, json_answer, scripted_server

_PROJECTS = json_answer('{"projects": []}')
_AWAY = json_answer('{"detail": "away"}', status="503 Service Unavailable", headers="Retry-After: 1\r\n")
_FUNCTION = function_path("p", "latest", "f")


async def test_what_passes_by_itself_is_waited_out() -> None:
    def answer(received: Received, number: int) -> bytes:
        return (b"", _AWAY, _PROJECTS)[number]

    async with scripted_server(answer) as scripted, scripted.connect() as connection:
        assert (await connection.run(connection.api.projects())).projects == []


async def test_a_repeated_call_has_the_same_key() -> None:
    def answer(received: Received, number: int) -> bytes:
        return (b"", json_answer(json.dumps(INVOCATION)))[number]

    async with scripted_server(answer) as scripted, scripted.connect() as connection:
        invocation = await connection.run(connection.api.submit(_FUNCTION, "{}"))
    assert invocation.document == INVOCATION  # with what this client does not know
    first, second = scripted.received
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


async def test_a_declaration_that_may_have_arrived_is_not_repeated() -> None:
    async with scripted_server(lambda *_: b"") as scripted, scripted.connect() as connection:
        with pytest.raises(Unreachable, match="the request may have been carried out"):
            await connection.run(connection.api.create_version("p", {}))
    assert len(scripted.received) == 1


async def test_an_answer_of_something_else() -> None:
    async with scripted_server(lambda *_: json_answer('{"items": []}')) as scripted, scripted.connect() as connection:
        with pytest.raises(Unreachable, match="does not understand"):
            await connection.run(connection.api.projects())


async def test_a_refusal_is_final() -> None:
    problem = {"detail": [{"type": "value_error", "loc": ["body", "input"], "msg": "Value error, too long"}]}
    answer = json_answer(json.dumps(problem), status="422 Unprocessable Content")
    async with scripted_server(lambda *_: answer) as scripted, scripted.connect() as connection:
        with pytest.raises(Refused, match="input: too long"):
            await connection.run(connection.api.submit(_FUNCTION, "{}"))
    assert len(scripted.received) == 1
