"""What is known of how long tests take is about tests that there are."""

from pathlib import Path

import pytest

from tests.handing_out import SECONDS, unit_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("unit", SECONDS)
def test_what_is_said_to_take_long_exists(unit: str) -> None:
    place, _, name = unit.partition("::")
    path = ROOT / place.partition(" ")[0]
    assert path.exists()
    assert name.partition("[")[0] in (path.read_text() if path.is_file() else "")


def test_tests_that_share_a_stack_are_one_unit() -> None:
    assert unit_of("tests/ecs/test_faults.py::test_one") == unit_of("tests/ecs/test_endings.py::test_other[1]")
    on_ecs, on_process = (
        f"tests/e2e/test_stops.py::test_a_stop[{platform}-timeout]" for platform in ("ecs", "process")
    )
    assert unit_of(on_ecs) == unit_of("tests/e2e/test_crash.py::test_a_crash[ecs]") != unit_of(on_process)
    assert unit_of("tests/api/test_tokens.py::test_one") == "tests/api/test_tokens.py"
