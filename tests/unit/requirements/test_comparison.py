"""What `make lint` says of poetry.lock and the requirement files."""

import tomllib
from pathlib import Path

import pytest

from requirements.comparison import content_hash, differences
from requirements.sets import ROOT, SETS, RequirementSet

PYPROJECT = """
[project]
name = "control-plane"
dependencies = ["server>=1"]

[tool.poetry]
packages = []
"""
PACKAGES = {
    "server": 'groups = ["main", "dev"]',
    "tracing": 'groups = ["main"]\nmarkers = {main = "extra == \\"tracing\\""}',
    "postgres": 'groups = ["main", "dev"]\nmarkers = {main = "extra == \\"embedded\\""}',
    "console": 'groups = ["main"]\nmarkers = "platform_system == \\"Windows\\""',
    "test": 'groups = ["dev"]',
    "installer": 'groups = ["installation"]',
}
HELD = {
    "server": ("server", "tracing", "console"),
    "stack": ("server", "tracing", "postgres", "console"),
    "development": ("server", "tracing", "postgres", "console", "test"),
    "installation": ("installer",),
}
HASH = f"sha256:{'a' * 64}"
OTHER_HASH = f"sha256:{'b' * 64}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that belong together, to be spoilt."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    packages = [
        f'[[package]]\nname = "{name}"\nversion = "1.0"\n{facts}\nfiles = [{{file = "{name}.whl", hash = "{HASH}"}}]\n'
        for name, facts in PACKAGES.items()
    ]
    metadata = f'[metadata]\ncontent-hash = "{content_hash(tomllib.loads(PYPROJECT))}"\n'
    (tmp_path / "poetry.lock").write_text("\n".join((*packages, metadata)))
    (tmp_path / "requirements").mkdir()
    for name, held in HELD.items():
        lines = [f'{package}==1.0 ; python_version >= "3.11" \\\n    --hash={HASH}\n' for package in held]
        (tmp_path / "requirements" / f"{name}.txt").write_text("# What it is for.\n" + "".join(lines))
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_files_here_belong_together() -> None:
    assert list(differences(ROOT, SETS)) == []


@pytest.mark.parametrize("each", SETS, ids=lambda each: each.name)
def test_files_name_no_index(each: RequirementSet) -> None:
    text = each.path.read_text()
    assert "://" not in text
    assert "--index-url" not in text


def test_nothing_is_said_of_files_that_belong_together(folder: Path) -> None:
    assert list(differences(folder, SETS)) == []


def test_a_declaration_that_was_not_locked(folder: Path) -> None:
    change(folder / "pyproject.toml", "server>=1", "server>=2")
    assert list(differences(folder, SETS)) == ["poetry.lock is not of this pyproject.toml: run `make lock`"]


def test_what_is_not_a_dependency_may_change(folder: Path) -> None:
    change(folder / "pyproject.toml", "packages = []", "packages = [{ include = 'api' }]")
    assert list(differences(folder, SETS)) == []


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("server==1.0", "server==1.1", "server"),
        ("server==1.0", "server>=1.0", "server, server>=1.0"),
        ("server==1.0", "other==1.0", "other, server"),
        (HASH, OTHER_HASH, "server"),
        (HASH, f"{HASH} --hash={OTHER_HASH}", "server"),
        (f"--hash={HASH}", "", "server"),
    ],
)
def test_a_file_that_is_not_what_is_locked(folder: Path, old: str, new: str, named: str) -> None:
    change(folder / "requirements" / "stack.txt", old, new)
    [line] = differences(folder, SETS)
    assert line.startswith(f"requirements/stack.txt is not what poetry.lock says of {named}")
    assert line.endswith(": run `make lock`")


def test_files_that_were_exported_from_another_lock_file(folder: Path) -> None:
    change(folder / "poetry.lock", 'name = "server"\nversion = "1.0"', 'name = "server"\nversion = "1.1"')
    assert [line.split()[0] for line in differences(folder, SETS)] == [
        f"requirements/{name}.txt" for name in ("server", "stack", "development")
    ]
