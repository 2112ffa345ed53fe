"""What is found of many versions, and with how many requests."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from control_plane.access.errors import CannotBeDone
from control_plane.cli.lookup import find_invocation
from control_plane.cli.newest import newest_invocations
from control_plane.cli.references import parse
from control_plane.errors import Refused

from tests.cli.scripted_server import INVOCATION, Received, json_answer, scripted_server

_PAGE = 50
_NO_FUNCTION = "A function with this name does not exist for this project version"
_NO_INVOCATION = "An invocation with this ID does not exist for this function"


class Versions:
    """Of a function `f` of a project `p`: when each was called, in seconds, newest first. None: it has no `f`."""

    def __init__(self, calls: Mapping[str, list[int] | None]) -> None:
        self.calls = calls

    def answer(self, received: Received, _: int) -> bytes:
        url = urlsplit(received.path)
        version = url.path.split("/")[4]
        times = self.calls[version]
        if times is None:
            return _not_found(_NO_FUNCTION)
        first = int(parse_qs(url.query).get("initial_offset", ["0"])[0])
        page: dict[str, Any] = {
            "version_id": version,
            "invocations": [
                {
                    "invocation_id": f"inv-{version}-{number}",
                    "cancellation_request_time": None,
                    "invocation_status": "RUNNING",
                    "creation_time": times[number],
                    "last_update_time": times[number],
                }
                for number in range(first, min(first + _PAGE, len(times)))
            ],
            "next_offset": str(first + _PAGE) if first + _PAGE < len(times) else None,
        }
        return json_answer(json.dumps(page))


def _not_found(detail: str) -> bytes:
    return json_answer(json.dumps({"detail": detail}), status="404 Not Found")


async def test_calls_of_pinned_versions_are_listed_where_they_belong() -> None:
    newest_version = list(range(1_000, 800, -1))
    versions = Versions({"ver-3": newest_version, "ver-2": None, "ver-1": [1_001, 990, 5]})
    async with scripted_server(versions.answer) as scripted, scripted.connect() as connection:
        found = await newest_invocations(connection, "p", "f", list(versions.calls), limit=60)
    times = [invocation.creation_time for _, invocation in found]
    assert times == sorted([*newest_version, 1_001, 990, 5], reverse=True)[:60]
    assert found[0][0] == "ver-1"
    assert len(scripted.received) == 4  # a page of each, and one more of the newest


async def test_so_many_as_are_wanted_are_found_page_by_page() -> None:
    versions = Versions({"ver-2": list(range(500, 300, -1)), "ver-1": list(range(450, 250, -1))})
    async with scripted_server(versions.answer) as scripted, scripted.connect() as connection:
        found = await newest_invocations(connection, "p", "f", list(versions.calls), limit=10_000)
    assert len(found) == 400
    assert [invocation.creation_time for _, invocation in found] == sorted(
        [*range(500, 300, -1), *range(450, 250, -1)], reverse=True
    )


async def test_a_function_of_no_version_is_missing() -> None:
    versions = Versions({"ver-2": None, "ver-1": None})
    async with scripted_server(versions.answer) as scripted, scripted.connect() as connection:
        with pytest.raises(Refused):
            await newest_invocations(connection, "p", "f", list(versions.calls), limit=50)


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
