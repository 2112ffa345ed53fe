"""The demo: its checks of the answer, its words, and the whole of it as a process."""

import json
import os
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import httpx2
import pytest
from control_plane.access.local_stacks import StackAccess

from control_plane_server.cli.demo.curl import curl_commands
from control_plane_server.cli.demo.errors import DemoFailed
from control_plane_server.cli.demo.tour import Tour, TourClaim, check_tour, draw, read_cities
from control_plane_server.cli.stack.access import find_access
from control_plane_server.cli.stack.folder import DataFolder
from tests.cli.stacks import clean_environment

EXAMPLES = Path(__file__).parents[2] / "examples"
CITIES = read_cities(EXAMPLES / "att48" / "att48.csv")
# A shortest round trip, as TSPLIB publishes it (att48.opt.tour).
SHORTEST = [
    *(1, 8, 38, 31, 44, 18, 7, 28, 6, 37, 19, 27, 17, 43, 30, 36, 46, 33, 20, 47, 21, 32, 39, 48),
    *(5, 42, 24, 10, 45, 35, 4, 26, 2, 29, 34, 41, 16, 22, 3, 23, 14, 25, 13, 11, 12, 15, 40, 9),
]
ACCESS = StackAccess(
    pid=1,
    api_url="http://127.0.0.1:5000",
    api_key="it's secret",
    temporal_address="127.0.0.1:7233",
    temporal_namespace="default",
    web_ui_url="http://127.0.0.1:8233",
    provisioner="process",
)


def test_the_shortest_tour_is_accepted() -> None:
    tour = check_tour(TourClaim(tour=SHORTEST, length=10_628), CITIES)
    assert (tour.length, tour.excess) == (10_628, 0.0)


@pytest.mark.parametrize(
    ("numbers", "length", "complaint"),
    [
        (SHORTEST[:-1], 10_628, "does not visit every city once"),
        ([*SHORTEST[:-1], SHORTEST[0]], 10_628, "does not visit every city once"),
        (SHORTEST, 10_000, "is 10,628 long, not 10,000"),
        (list(range(1, 49)), 49_840, "more than 10% above the best known"),
    ],
)
def test_other_results_are_refused(numbers: list[int], length: int, complaint: str) -> None:
    with pytest.raises(DemoFailed, match=complaint):
        check_tour(TourClaim(tour=numbers, length=length), CITIES)


def test_drawing_shows_every_city() -> None:
    svg = ElementTree.fromstring(draw(Tour(cities=tuple(CITIES), length=1)))
    assert len(svg.findall("{http://www.w3.org/2000/svg}circle")) == len(CITIES)


def test_curl_commands_survive_the_shell() -> None:
    commands = curl_commands(ACCESS, example=EXAMPLES / "att48", input_='{"rounds": 1}')
    words = [shlex.split(command, comments=True) for command in commands]
    assert words[0][-3:] == ["-X", "PUT", "http://127.0.0.1:5000/projects/att48-by-hand"]
    assert "Authorization: Bearer it's secret" in words[0]
    definition = json.loads(words[1][words[1].index("-d") + 1])
    assert [function["function_name"] for function in definition["functions"]] == ["solve", "anneal"]


def test_the_whole_demo(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    words = (
        *(sys.executable, "-P", "-m", "control_plane.cli.main", "demo", f"--examples={EXAMPLES}"),
        *(f"--data-dir={tmp_path / 'data'}", f"--drawing={tmp_path / 'tour.svg'}"),
    )
    with subprocess.Popen(
        words, env=clean_environment(), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = ""
        while "until you press Enter" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        access = find_access(DataFolder(tmp_path / "data"))
        assert access is not None
        assert httpx2.get(f"{access.api_url}/docs").status_code == 200
        assert f"Watch it at {access.console_url}, with the key {access.api_key}" in said
        assert httpx2.get(f"{access.console_url}/login").status_code == 200
        os.write(ours, b"\n")
        stdout, rest = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, rest
    assert "/namespaces/default/workflows/inv-" in stdout
    assert f"{access.console_url}/invocations/inv-" in stdout
    assert "12/12" in said
    assert "Stopped; what it did is kept. Look at it: control-plane dev --data-dir" in rest
    assert (tmp_path / "tour.svg").read_text().startswith("<svg")


def test_demo_without_examples(tmp_path: Path) -> None:
    run = subprocess.run(
        (sys.executable, "-P", "-m", "control_plane.cli.main", "demo", f"--examples={tmp_path}"),
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr.startswith("control-plane: there is no ")
