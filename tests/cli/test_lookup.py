"""What is found by what users call it, and with how many requests."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.cli.lookup import find_invocation
from control_plane.cli.references import parse

from tests.cli.scripted_server import INVOCATION, Received, json_answer, scripted_server

_NO_INVOCATION = "An invocation with this ID does not exist for this function"


def _not_found(detail: str) -> bytes:
    return json_answer(json.dumps({"detail": detail}), status="404 Not Found")


async def test_an_invocation_is_found_with_one_request() -> None:
    async with (
        scripted_server(lambda *_: json_answer(json.dumps(INVOCATION))) as scripted,
        scripted.connect() as connection,
    ):
        assert (await find_invocation(connection, parse("p/f/inv-1"))).invocation_id == "inv-1"
    assert [received.path for received in scripted.received] == ["/invocations/inv-1"]


@pytest.mark.parametrize("reference", ["q/f/inv-1", "p/g/inv-1", "p@ver-2/f/inv-1"])
async def test_an_invocation_of_something_else_is_not_the_one_that_is_meant(reference: str) -> None:
    def answer(received: Received, _: int) -> bytes:
        is_by_id = received.path == "/invocations/inv-1"
        return json_answer(json.dumps(INVOCATION)) if is_by_id else _not_found(_NO_INVOCATION)

    async with scripted_server(answer) as scripted, scripted.connect() as connection:
        with pytest.raises(CannotBeDone, match="has no invocation 'inv-1'"):
            async with asyncio.timeout(10):
                await find_invocation(connection, parse(reference))


class Projects:
    """Invocations of each project, of which lists and ids tell."""

    def __init__(self, **ids: list[str]) -> None:
        self.ids = ids

    def answer(self, received: Received, _: int) -> bytes:
        url = urlsplit(received.path)
        parts = url.path.split("/")
        if url.path == "/projects":
            projects = [{"project_name": name, "deletion_request_time": None, "creation_time": 1} for name in self.ids]
            return json_answer(json.dumps({"projects": projects}))
        if parts[1] == "invocations":
            return json_answer(json.dumps(INVOCATION | {"invocation_id": parts[2]}))
        prefix = parse_qs(url.query)["id_prefix"][0]
        found = [{"invocation_id": one} for one in self.ids[parts[2]] if one.startswith(prefix)]
        return json_answer(json.dumps({"invocations": found, "next_offset": None}))


_ONE, _OTHER = "inv-aaaaaa" + 26 * "1", "inv-aaaaab" + 26 * "1"


@pytest.mark.parametrize("named", [_ONE, "inv-aaaaaa", "p/f/inv-aaaaaa"])
async def test_an_id_or_its_beginning_is_enough(named: str) -> None:
    async with (
        scripted_server(Projects(p=[_ONE], q=[_OTHER]).answer) as scripted,
        scripted.connect() as connection,
    ):
        reference = parse(named) if "/" in named else named
        assert (await find_invocation(connection, reference)).invocation_id == _ONE


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        ("inv-aaaaa" + "a" * 3, "there is no invocation whose id begins with inv-aaaaaaaa; list them with: "),
        ("inv-bbbbbb", f"inv-bbbbbb is the beginning of several ids, write more of it: {_ONE[:4]}bbbbbb1, "),
    ],
)
async def test_a_beginning_of_none_or_several(named: str, complaint: str) -> None:
    projects = Projects(p=[_ONE, "inv-bbbbbb1"], q=["inv-bbbbbb2"])
    async with scripted_server(projects.answer) as scripted, scripted.connect() as connection:
        with pytest.raises(CannotBeDone, match=complaint):
            await find_invocation(connection, named)


async def test_a_release_that_knows_no_beginnings_finds_none() -> None:
    """It answers with whatever there is."""
    newest = json_answer(json.dumps({"invocations": [{"invocation_id": _OTHER}], "next_offset": None}))
    projects = Projects(p=[])

    def answer(received: Received, number: int) -> bytes:
        return newest if "id_prefix" in received.path else projects.answer(received, number)

    async with scripted_server(answer) as scripted, scripted.connect() as connection:
        with pytest.raises(CannotBeDone, match="there is no invocation whose id begins with inv-aaaaaa"):
            await find_invocation(connection, "inv-aaaaaa")
