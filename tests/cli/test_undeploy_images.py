"""`control-plane undeploy --images`: what --build pushed goes with its project, or after it."""

import json
from pathlib import Path

import pytest

from tests.cli.scripted_server import Received, json_answer, scripted_server
from tests.cli.terminal import Terminal

_GONE = json_answer('{"detail": "A project with this name does not exist"}', status="404 Not Found")
_PROJECT = json_answer(json.dumps({"project_name": "p", "creation_time": 1, "deletion_request_time": 2}))


@pytest.mark.parametrize("is_there", [True, False])
async def test_images_are_removed_once_the_project_is_gone(tmp_path: Path, is_there: bool) -> None:
    """Also by who was interrupted and says it again."""

    def answer(received: Received, _: int) -> bytes:
        match received.method, received.path:
            case "DELETE", "/projects/p/images":
                return json_answer('{"removed": 2}')
            case "DELETE", "/projects/p" if is_there:
                return _PROJECT
            case "GET", "/projects":
                return json_answer('{"projects": []}')
            case _:
                return _GONE

    async with scripted_server(answer) as scripted:
        terminal = Terminal(
            tmp_path, CONTROL_PLANE_API_URL=scripted.server.api_url, CONTROL_PLANE_API_KEY=scripted.server.api_key
        )
        run = await terminal.succeed("undeploy", "p", "--images", "--yes")
    assert run.stderr.splitlines()[-1] == "Images removed from the registry: 2."
    assert ("p is gone." in run.stderr) is is_there
    asked = [(one.method, one.path) for one in scripted.received]
    assert asked[-1] == ("DELETE", "/projects/p/images")
