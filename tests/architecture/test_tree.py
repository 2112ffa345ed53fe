"""What keeps the tree readable and the workflow sandbox loadable."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
MAX_LINES = 400


def _home(package: str) -> Path:
    return ROOT / "sdk" / package if package == "control_plane" else ROOT / package


OTHERS = ("benchmarks", "release", "requirements", "tests")
SOURCES = sorted(path for folder in (*PACKAGES, *OTHERS, "examples") for path in _home(folder).rglob("*.py"))


def test_every_package_is_linted_for_imports() -> None:
    folders = {path.parent.name for pattern in ("*/__init__.py", "sdk/*/__init__.py") for path in ROOT.glob(pattern)}
    assert folders - {*OTHERS} == set(PACKAGES)


def test_init_files_are_empty() -> None:
    # one import in one of them can keep every workflow from loading; what users import says what there is
    public = ROOT / "sdk" / "control_plane" / "__init__.py"
    assert [path for path in SOURCES if path.name == "__init__.py" and path.read_bytes() and path != public] == []


@pytest.mark.parametrize("folder", PACKAGES)
def test_every_folder_with_modules_is_a_package(folder: str) -> None:
    folders = {path.parent for path in _home(folder).rglob("*.py")}
    assert [path for path in folders if not (path / "__init__.py").exists()] == []


def test_no_file_is_too_long() -> None:
    assert [path for path in SOURCES if len(path.read_text().splitlines()) > MAX_LINES] == []


def test_every_module_says_what_it_is() -> None:
    modules = [path for path in SOURCES if path.name != "__init__.py"]
    assert [path for path in modules if not path.read_text().startswith('"""')] == []
