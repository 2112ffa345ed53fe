"""The runtime runs in any image: Python 3.8, standard library only."""

import ast
import sys
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).parents[3] / "sdk" / "control_plane" / "container").glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_is_written_for_python_3_8(source: Path) -> None:
    ast.parse(source.read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_imports_the_standard_library_only(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            top = module.partition(".")[0]
            assert top == "control_plane" or top in sys.stdlib_module_names
