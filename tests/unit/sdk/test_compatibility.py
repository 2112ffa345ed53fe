"""What runs in containers runs in any image: Python 3.8, standard library only."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import control_plane
import pytest

PACKAGE = Path(control_plane.__file__).parent
# The client and the command line need what comes with their extras, and a newer Python.
FOLDERS = (PACKAGE, PACKAGE / "container", PACKAGE / "container" / "warm", PACKAGE / "protocol")
SOURCES = sorted(file for folder in FOLDERS for file in folder.glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_is_written_for_python_3_8(source: Path) -> None:
    ast.parse(source.read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_imports_the_standard_library_only(source: Path) -> None:
    for node in _at_run_time(ast.parse(source.read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            top = module.partition(".")[0]
            assert top == "control_plane" or top in {*sys.stdlib_module_names, "annotationlib"}


def test_every_public_name_is_there() -> None:
    without_extras = {*control_plane.__all__} - {"Client", "AsyncClient"}
    assert all(getattr(control_plane, name) is not None for name in without_extras)
    assert dir(control_plane) == control_plane.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = control_plane.nothing


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """What is in it, without what is for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _at_run_time(other)
            continue
        yield child
        yield from _at_run_time(child)
