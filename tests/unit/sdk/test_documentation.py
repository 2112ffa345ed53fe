"""What docs/writing-functions.md shows runs."""

import re
import types
from collections.abc import Iterator
from pathlib import Path

import control_plane as cp
import pytest
from control_plane import declarations
from control_plane.declarations import function
from control_plane.functions import Function

PAGE = Path(__file__).parents[3] / "docs" / "writing-functions.md"


@pytest.fixture
def page() -> Iterator[types.ModuleType]:
    """Its Python, from the first line to the last, as one module."""
    before = [*declarations.declared]
    module = types.ModuleType("page")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    yield module
    declarations.declared[:] = before


def test_its_functions_run(page: types.ModuleType) -> None:
    assert page.resize("u") == {"width": 800}
    assert [*page.train(2)] == [{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": 0.5}]
    with cp.testing.local():
        assert page.fit(2) == page.fit(2) == {"epoch": 2, "loss": 0.81}
    page.test_total()
    with cp.testing.local(square=lambda number: 1):
        assert page.total([5, 6]) == 2


def test_its_table_has_every_limit() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| .+ \|$", PAGE.read_text(), re.MULTILINE)
    with pytest.raises(TypeError) as refusal:
        function(nothing=1)  # type: ignore[call-overload]
    assert {*rows} == {*str(refusal.value).partition("there are ")[2].split(", ")}


def test_it_names_every_method_of_a_call(page: types.ModuleType) -> None:
    text = PAGE.read_text()
    for name in ("result", "done", "status", "progress", "cancel"):
        assert f"call.{name}(" in text
        assert hasattr(cp.Invocation, name)
    assert isinstance(page.square, Function)
