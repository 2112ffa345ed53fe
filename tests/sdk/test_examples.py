"""The examples, run by the real runtime."""

import importlib.util
import itertools
import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.sdk.api_stub import StubState
from tests.sdk.conftest import StartContainer

EXAMPLES = Path(__file__).parents[2] / "examples"
CITIES = 48


@pytest.fixture(scope="module")
def tours() -> Iterator[ModuleType]:
    """The module `tours` of att48, which is no package of ours."""
    spec = importlib.util.spec_from_file_location("att48_tours", EXAMPLES / "att48" / "tours.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ((0, 0), (0, 0), 0),
        ((0, 0), (10, 0), 4),  # 3.162… rounds down to 3, which is too short
        ((0, 0), (12, 0), 4),  # 3.795… rounds up to 4
        ((0, 0), (30, 10), 10),  # exactly 10
        ((6734, 1453), (2233, 10), 1495),  # 1494.7…
    ],
)
def test_distances_are_pseudo_euclidean(
    tours: ModuleType, a: tuple[int, int], b: tuple[int, int], distance: int
) -> None:
    assert tours.distance(a, b) == tours.distance(b, a) == distance


@pytest.mark.parametrize("seed", range(3))
def test_annealing_gives_a_round_trip_near_the_best_known(tours: ModuleType, seed: int) -> None:
    distances = tours.distances_between(tours.read_cities(EXAMPLES / "att48" / "att48.csv"))
    start = random.Random(seed).sample(range(CITIES), CITIES)
    tour = tours.anneal(start, distances, steps=100_000, temperature=300.0, seed=seed)
    assert sorted(tour) == list(range(CITIES))
    length = sum(distances[a][b] for a, b in itertools.pairwise([*tour, tour[0]]))
    assert length == tours.length(tour, distances)
    assert tours.BEST_KNOWN_LENGTH <= length < 1.1 * tours.BEST_KNOWN_LENGTH


def test_anneal_as_a_function(state: StubState, start_container: StartContainer, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "att48", tmp_path, dirs_exist_ok=True)
    state.input = '{"seed": 1, "steps": 1000}'
    output = json.loads(start_container(None, MULTINODE_FUNCTION_NAME="anneal").report()["final_output"])
    assert sorted(output["tour"]) == list(range(1, CITIES + 1))


def test_hello(state: StubState, start_container: StartContainer, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "hello", tmp_path, dirs_exist_ok=True)
    state.input = '{"to": 3, "seconds": 0}'
    report = start_container(None, MULTINODE_FUNCTION_NAME="count").report()
    assert json.loads(report["final_output"]) == {"counted_to": 3}


def test_solve_takes_the_best_tour_of_each_round_to_the_next(
    state: StubState, start_container: StartContainer, tmp_path: Path, tours: ModuleType
) -> None:
    distances = tours.distances_between(tours.read_cities(EXAMPLES / "att48" / "att48.csv"))
    asked: list[dict[str, object]] = []

    def anneal(function: str, text: str) -> dict[str, object]:
        """A child that gives its first tour back, shuffled by its seed if it has none."""
        arguments = json.loads(text)
        asked.append(arguments)
        tour = arguments["tour"] or random.Random(arguments["seed"]).sample(range(1, CITIES + 1), CITIES)
        length = tours.length([city - 1 for city in tour], distances)
        return {"outcome": "SUCCEEDED", "output": json.dumps({"length": length, "tour": tour})}

    state.answer_child = anneal
    shutil.copytree(EXAMPLES / "att48", tmp_path, dirs_exist_ok=True)
    state.input = '{"rounds": 2, "children": 3, "seed": 5}'
    result = json.loads(start_container(None, MULTINODE_FUNCTION_NAME="solve").report()["final_output"])
    assert [arguments["seed"] for arguments in asked] == [5, 6, 7, 8, 9, 10]
    assert [arguments["tour"] for arguments in asked] == [None] * 3 + [result["tour"]] * 3
    progress = json.loads(state.updates[-1])
    assert progress == {"round": 2, "rounds": 2, "finished": 6, "children": 3, "best_length": result["length"]}
